//! What the values of a service and its modules are, as far as that is known without running it.
//!
//! Each variable, each parameter and each answer of a function is a slot. What is put into it is read off the text: what a word gives and
//! a handler is handed stand in their tables, and all else follows. Whoever puts two kinds into a slot makes it unknown, so nothing is ever
//! guessed; what is unknown is not judged. The text is walked until no slot changes any more, and once more to tell what is wrong.
//!
//! ```text
//! let t = caller.dial("100")   caller: a leg (on_invite) ─▶ dial gives { status, leg, sip, talk } ─▶ t
//! t.resutl                     no such field: told
//! ```

use std::collections::HashMap;
use std::rc::Rc;

use rhai::{AST, ASTFlags, Expr, FlowControl, FnCallExpr, FnPtr, Position, ScriptFuncDef, Stmt};

use super::Look;
use super::known::Rhai;
use crate::fell;
use crate::handlers::Handler;
use crate::words::shape::Shape;

/// Walks after which a text is not judged: none needs more than a few.
const WALKS: usize = 64;

/// A text, and what it imports by the names that it has here.
pub(super) struct File<'a> {
    pub look: Look<'a>,
    pub ast: &'a AST,
    /// Which of the files that is; none where it is broken.
    pub imported: HashMap<String, Option<usize>>,
    /// Whether its handlers are called by the house.
    pub is_service: bool,
}

/// A function of one of the files.
struct Function<'a> {
    file: usize,
    written: &'a ScriptFuncDef,
    params: Vec<usize>,
    gives: usize,
    body: Rc<[Stmt]>,
}

/// See the module.
pub(super) struct Flow<'a> {
    pub files: Vec<File<'a>>,
    pub rhai: &'a Rhai,
    functions: Vec<Function<'a>>,
    pub slots: Vec<Option<Shape>>,
    places: HashMap<(usize, Position), usize>,
    changed: bool,
    /// Whether all is known that will be: nothing is put into a slot any more.
    is_settled: bool,
    /// Whether this is the walk that tells.
    pub judges: bool,
    /// The file and the function that are walked.
    pub file: usize,
    function: usize,
    scope: Vec<(String, usize)>,
    /// What a function is handed that is written here as a value.
    handed: Option<Shape>,
}

/// What an expression is; `None` where nothing comes of it.
pub(super) type Value = Option<Shape>;

impl<'a> Flow<'a> {
    pub fn new(files: Vec<File<'a>>, rhai: &'a Rhai) -> Self {
        let mut flow = Self {
            files,
            rhai,
            functions: Vec::new(),
            slots: Vec::new(),
            places: HashMap::new(),
            changed: false,
            is_settled: false,
            judges: false,
            file: 0,
            function: 0,
            scope: Vec::new(),
            handed: None,
        };
        for file in 0..flow.files.len() {
            let ast = flow.files[file].ast;
            let mut written: Vec<&ScriptFuncDef> =
                ast.shared_lib().iter_script_fn_info().map(|(.., written)| &**written).collect();
            // Rhai names them in no order, and what is told may depend on none but that of the text.
            written.sort_by_key(|written| written.body.start_position());
            for written in written {
                let is_called = flow.files[file].is_service;
                let handler = Handler::named(&written.name)
                    .filter(|handler| is_called && handler.takes.len() == written.params.len());
                let shape = |at: usize| handler.map(|handler| handler.takes[at].shape);
                let params = (0..written.params.len()).map(|at| flow.slot(shape(at))).collect();
                let gives = flow.slot(None);
                let body = fell::body_of(ast, &written.name, written.params.len());
                // Methods of different types may have one name.
                flow.slots[gives] = body.is_none().then_some(Shape::Any);
                let body = body.unwrap_or_default().into();
                flow.functions.push(Function { file, written, params, gives, body });
            }
        }
        flow
    }

    /// Reads all texts, and tells what is wrong with them.
    pub fn judge(mut self) -> Vec<File<'a>> {
        for _ in 0..WALKS {
            self.changed = false;
            self.walk();
            if !self.changed {
                (self.is_settled, self.judges) = (true, true);
                self.walk();
                break;
            }
        }
        self.files
    }

    fn walk(&mut self) {
        for number in 0..self.functions.len() {
            let Function { file, written, ref params, gives, ref body } = self.functions[number];
            let body = body.clone();
            self.scope = written.params.iter().map(ToString::to_string).zip(params.iter().copied()).collect();
            (self.file, self.function, self.handed) = (file, number, None);
            let given = self.block(&body);
            self.put(gives, given);
        }
    }

    fn slot(&mut self, shape: Value) -> usize {
        self.slots.push(shape);
        self.slots.len() - 1
    }

    /// The slot of what is declared there.
    fn declared(&mut self, at: Position) -> usize {
        if let Some(slot) = self.places.get(&(self.file, at)) {
            return *slot;
        }
        let slot = self.slot(None);
        self.places.insert((self.file, at), slot);
        slot
    }

    pub fn put(&mut self, slot: usize, value: Value) {
        let Some(value) = value.filter(|_| !self.is_settled) else { return };
        let now = self.slots[slot].map_or(value, |before| before.or(value));
        if self.slots[slot] != Some(now) {
            self.slots[slot] = Some(now);
            self.changed = true;
        }
    }

    /// Whether what comes of these values is to be seen in a later walk: one of them is not known yet, and must not be guessed.
    pub fn waits(&self, values: &[Value]) -> bool {
        !self.is_settled && values.contains(&None)
    }

    pub fn named(&self, name: &str) -> Option<usize> {
        self.scope.iter().rev().find(|(known, _)| known == name).map(|(_, slot)| *slot)
    }

    /// The function that is walked.
    pub fn body(&self) -> Rc<[Stmt]> {
        self.functions[self.function].body.clone()
    }

    pub fn look(&mut self) -> &mut Look<'a> {
        &mut self.files[self.file].look
    }

    /// A row of statements; what its last one gives.
    fn block(&mut self, statements: &[Stmt]) -> Value {
        let outside = self.scope.len();
        let mut last = Some(Shape::Nothing);
        for statement in statements {
            last = self.statement(statement);
        }
        self.scope.truncate(outside);
        if self.judges {
            self.look().row(statements);
        }
        last
    }

    fn statement(&mut self, statement: &Stmt) -> Value {
        match statement {
            Stmt::Expr(expr) => self.value(expr),
            Stmt::FnCall(call, at) => self.called(call, *at),
            Stmt::Var(both, ..) => {
                let value = self.value(&both.1);
                let slot = self.declared(both.0.pos);
                self.put(slot, value);
                self.scope.push((both.0.name.to_string(), slot));
                Some(Shape::Nothing)
            }
            Stmt::Assignment(both) => self.assigned(both.0.is_op_assignment(), &both.1),
            Stmt::If(flow, _) => {
                self.condition(&flow.expr);
                let (one, other) = (self.block(flow.body.statements()), self.block(flow.branch.statements()));
                either(one, other)
            }
            Stmt::While(flow, _) | Stmt::Do(flow, ..) => {
                self.condition(&flow.expr);
                self.block(flow.body.statements());
                Some(Shape::Any)
            }
            Stmt::For(both, _) => {
                let over = self.over(&both.2.expr);
                let outside = self.scope.len();
                for (ident, value) in
                    std::iter::once((&both.0, over)).chain(both.1.iter().map(|count| (count, Some(Shape::Number))))
                {
                    let slot = self.declared(ident.pos);
                    self.put(slot, value);
                    self.scope.push((ident.name.to_string(), slot));
                }
                self.block(both.2.body.statements());
                self.scope.truncate(outside);
                Some(Shape::Any)
            }
            Stmt::Switch(both, at) => {
                let of = self.value(&both.0);
                if self.judges {
                    self.look().switched(of.unwrap_or(Shape::Any), &both.0, *at);
                }
                let mut value = if both.1.def_case.is_some() { None } else { Some(Shape::Nothing) };
                for arm in &both.1.expressions {
                    self.value(&arm.lhs);
                    let one = self.value(&arm.rhs);
                    value = either(value, one);
                }
                value
            }
            Stmt::TryCatch(flow, _) => self.tried(flow),
            Stmt::Block(block) => self.block(block.statements()),
            Stmt::BreakLoop(value, ..) => {
                value.as_ref().map(|value| self.value(value));
                None
            }
            Stmt::Return(value, flags, _) => {
                let value = value.as_ref().map_or(Some(Shape::Nothing), |value| self.value(value));
                if !flags.intersects(ASTFlags::BREAK) {
                    self.put(self.functions[self.function].gives, value);
                }
                None
            }
            _ => Some(Shape::Nothing),
        }
    }

    /// A `try`, and what its `catch` is handed.
    fn tried(&mut self, flow: &FlowControl) -> Value {
        let one = self.block(flow.body.statements());
        let outside = self.scope.len();
        if let Expr::Variable(name, _, at) = &flow.expr {
            let slot = self.declared(*at);
            self.put(slot, Some(Shape::Any));
            self.scope.push((name.1.to_string(), slot));
        }
        let other = self.block(flow.branch.statements());
        self.scope.truncate(outside);
        either(one, other)
    }

    /// What decides: `true` or `false`.
    fn condition(&mut self, expr: &Expr) {
        let value = self.value(expr);
        if self.judges && !matches!(expr, Expr::Unit(_)) {
            self.look().decided(value.unwrap_or(Shape::Any), expr.position());
        }
    }

    /// What a `for` goes over.
    fn over(&mut self, expr: &Expr) -> Value {
        let value = self.value(expr);
        if self.judges {
            self.look().gone_over(value.unwrap_or(Shape::Any), expr.position());
        }
        match (expr, value?) {
            (Expr::FnCall(call, _), _) if ["..", "..="].contains(&call.name.as_str()) => Some(Shape::Number),
            (_, Shape::List(item)) => Some(*item),
            _ => Some(Shape::Any),
        }
    }

    /// What an expression is.
    pub fn value(&mut self, expr: &Expr) -> Value {
        Some(match expr {
            Expr::DynamicConstant(value, _) => match value.read_lock::<FnPtr>() {
                Some(function) => {
                    self.kept(function.fn_name(), 0);
                    Shape::Function
                }
                None => Shape::of(value),
            },
            Expr::InterpolatedString(parts, _) => {
                for part in parts {
                    self.value(part);
                }
                Shape::Text
            }
            Expr::Array(items, _) => {
                let items: Vec<Value> = items.iter().map(|item| self.value(item)).collect();
                let item = items.iter().map(|item| item.unwrap_or(Shape::Any)).reduce(Shape::or);
                if self.waits(&items) {
                    return None;
                }
                item.map_or(Shape::List(&Shape::Any), Shape::listed)
            }
            Expr::Map(entries, _) => {
                for (_, value) in &entries.0 {
                    self.value(value);
                }
                Shape::Map
            }
            Expr::Variable(..) => return self.variable(expr),
            Expr::ThisPtr(_) => Shape::Any,
            Expr::Stmt(block) => return self.block(block.statements()),
            Expr::FnCall(call, at) => return self.called(call, *at),
            Expr::Dot(both, flags, _) | Expr::Index(both, flags, _) => {
                let first = self.value(&both.lhs);
                return self.chain(first, matches!(expr, Expr::Index(..)), *flags, &both.rhs, &both.lhs);
            }
            Expr::And(parts, _) | Expr::Or(parts, _) => {
                for part in parts.iter() {
                    self.condition(part);
                }
                Shape::Flag
            }
            Expr::Coalesce(parts, _) => {
                let values: Vec<Value> = parts.iter().map(|part| self.value(part)).collect();
                if self.waits(&values) {
                    return None;
                }
                values
                    .into_iter()
                    .map(|value| value.unwrap_or(Shape::Any).surely())
                    .reduce(Shape::or)
                    .unwrap_or(Shape::Any)
            }
            Expr::Custom(..) | Expr::MethodCall(..) | Expr::Property(..) => Shape::Any,
            other => other.get_literal_value(None).map_or(Shape::Any, |value| Shape::of(&value)),
        })
    }

    fn variable(&mut self, expr: &Expr) -> Value {
        let Expr::Variable(named, ..) = expr else { return Some(Shape::Any) };
        let name = named.1.as_str();
        if !named.2.is_empty() {
            let file = match named.2.root() {
                "global" => Some(self.file),
                module => self.files[self.file].imported.get(module).copied().flatten(),
            };
            let value = file.and_then(|file| self.files[file].look.constants.named(name));
            return Some(value.map_or(Shape::Any, |value| Shape::of(&value)));
        }
        match self.named(name) {
            Some(slot) => self.slots[slot],
            None => {
                // The name of a function is that function.
                self.kept(name, 0);
                Some(Shape::Any)
            }
        }
    }

    /// A function that is kept as a value: whoever calls it hands it what is known here, or anything.
    fn kept(&mut self, name: &str, bound: usize) {
        for number in 0..self.functions.len() {
            let Function { file, written, ref params, .. } = self.functions[number];
            if file != self.file || written.name != name {
                continue;
            }
            let free: Vec<usize> = params.iter().copied().skip(bound).collect();
            for (place, slot) in free.into_iter().enumerate() {
                let handed = self.handed.filter(|_| place == 0);
                self.put(slot, Some(handed.unwrap_or(Shape::Any)));
            }
        }
    }

    /// `Fn("name")` keeps a function: of that name, or any.
    pub fn kept_by_name(&mut self, call: &FnCallExpr) {
        if call.name != "Fn" {
            return;
        }
        let name = call.args.first().and_then(|name| name.get_literal_value(None)?.into_string().ok());
        let names: Vec<String> = match name {
            Some(name) => vec![name],
            None => self.names(self.file).into_iter().map(str::to_owned).collect(),
        };
        names.iter().for_each(|name| self.kept(name, 0));
    }

    /// A variable that a function of the script has as its `this`, and may make anything of.
    pub fn changed_by_another(&mut self, root: &Expr) {
        if let Expr::Variable(named, ..) = root
            && let Some(slot) = self.named(&named.1)
        {
            self.put(slot, Some(Shape::Any));
        }
    }

    /// The values that a call is given; functions among them are handed that.
    pub fn values(&mut self, args: &[Expr], handed: Option<Shape>) -> Vec<Value> {
        let before = std::mem::replace(&mut self.handed, handed);
        let values = args.iter().map(|arg| self.value(arg)).collect();
        self.handed = before;
        values
    }

    /// Functions of a file of that name, by how many values each takes.
    pub fn own(&self, file: usize, name: &str) -> Vec<usize> {
        let own = self.functions.iter().filter(|function| function.file == file && function.written.name == name);
        own.map(|function| function.params.len()).collect()
    }

    /// The names of the functions of a file.
    pub fn names(&self, file: usize) -> Vec<&'a str> {
        let own = self.functions.iter().filter(|function| function.file == file).map(|function| function.written);
        own.map(|written| written.name.as_str()).filter(|name| !name.starts_with(crate::imports::CLOSURE)).collect()
    }

    /// Hands values to a function of a file; what it gives, where there is such a one.
    pub fn hand(&mut self, file: usize, name: &str, values: &[Value]) -> Option<Value> {
        let fits = |function: &Function<'_>| {
            function.file == file && function.written.name == name && function.params.len() == values.len()
        };
        let number = self.functions.iter().position(fits)?;
        let params = self.functions[number].params.clone();
        for (slot, value) in params.into_iter().zip(values) {
            self.put(slot, *value);
        }
        Some(self.slots[self.functions[number].gives])
    }

    /// A function that takes variables from around it has the same variables.
    pub fn bound(&mut self, call: &FnCallExpr) {
        let [Expr::DynamicConstant(function, _), variables @ ..] = &call.args[..] else { return };
        let Some(name) = function.read_lock::<FnPtr>().map(|function| function.fn_name().to_owned()) else { return };
        let slots: Vec<Option<usize>> = variables
            .iter()
            .map(|variable| match variable {
                Expr::Variable(named, ..) => self.named(&named.1),
                _ => None,
            })
            .collect();
        self.kept(&name, slots.len());
        let file = self.file;
        let is_it = |function: &&mut Function<'_>| function.file == file && function.written.name == name;
        if let Some(function) = self.functions.iter_mut().find(is_it) {
            for (param, slot) in function.params.iter_mut().zip(slots) {
                if let Some(slot) = slot.filter(|slot| slot != param && !self.is_settled) {
                    (*param, self.changed) = (slot, true);
                }
            }
        }
    }
}

/// What is one of two.
fn either(one: Value, other: Value) -> Value {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.or(other)),
        (one, other) => one.or(other),
    }
}
