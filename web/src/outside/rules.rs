//! What a service may reach outside its calls, as its manifest says.
//!
//! The manifest is read elsewhere; this is what remains of it here. Whoever has no rules reaches nothing outside the house.

/// Who knows what each service may reach. Asked for each errand, so a manifest that changes counts at once.
pub trait RuleBook: Send + Sync + 'static {
    /// What that service may reach; nothing when there is no such service.
    fn rules(&self, service: &str) -> Option<Rules>;
}

/// What one service may reach. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Rules {}
