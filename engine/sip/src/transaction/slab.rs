//! Places that are used again, with names that are not.

/// Values in numbered places. A place has a generation, so that the name of a value that is gone finds nothing, though
/// another value stands there now.
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Option<u32>,
    count: usize,
    limit: usize,
}

struct Place<T> {
    generation: u32,
    content: Content<T>,
}

enum Content<T> {
    Value(T),
    /// The next free place.
    Free(Option<u32>),
}

impl<T> Slab<T> {
    /// Room for `limit` values; memory is taken as it is needed.
    pub fn new(limit: usize) -> Self {
        assert!(limit < u32::MAX as usize, "places are counted in 32 bits");
        Self { places: Vec::new(), free: None, count: 0, limit }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_full(&self) -> bool {
        self.count == self.limit
    }

    /// The number and generation that the next value gets.
    pub fn next(&self) -> (u32, u32) {
        match self.free {
            Some(index) => (index, self.places[index as usize].generation),
            None => (self.places.len() as u32, 0),
        }
    }

    /// Puts a value in, into the place that [`Slab::next`] named.
    pub fn insert(&mut self, value: T) {
        assert!(!self.is_full(), "whoever inserts has looked for room");
        self.count += 1;
        let Some(index) = self.free else {
            self.places.push(Place { generation: 0, content: Content::Value(value) });
            return;
        };
        let place = &mut self.places[index as usize];
        match std::mem::replace(&mut place.content, Content::Value(value)) {
            Content::Free(next) => self.free = next,
            Content::Value(_) => unreachable!("a free place is empty"),
        }
    }

    pub fn get_mut(&mut self, index: u32, generation: u32) -> Option<&mut T> {
        let place = self.places.get_mut(index as usize)?;
        match &mut place.content {
            Content::Value(value) if place.generation == generation => Some(value),
            _ => None,
        }
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| match &place.content {
            Content::Value(value) => Some(value),
            Content::Free(_) => None,
        })
    }

    /// The value in a place and its generation, whichever it is.
    pub fn at(&mut self, index: u32) -> Option<(u32, &mut T)> {
        let place = self.places.get_mut(index as usize)?;
        match &mut place.content {
            Content::Value(value) => Some((place.generation, value)),
            Content::Free(_) => None,
        }
    }

    pub fn remove(&mut self, index: u32) -> Option<T> {
        let place = self.places.get_mut(index as usize)?;
        if matches!(place.content, Content::Free(_)) {
            return None;
        }
        place.generation = place.generation.wrapping_add(1);
        let content = std::mem::replace(&mut place.content, Content::Free(self.free.replace(index)));
        self.count -= 1;
        match content {
            Content::Value(value) => Some(value),
            Content::Free(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_value_that_is_gone_finds_nothing() {
        let mut slab = Slab::new(2);
        let (index, generation) = slab.next();
        slab.insert("one");
        assert_eq!(slab.get_mut(index, generation), Some(&mut "one"));

        assert_eq!(slab.remove(index), Some("one"));
        assert_eq!(slab.remove(index), None);
        let (again, later) = slab.next();
        slab.insert("two");
        assert_eq!((again, later), (index, generation + 1));
        assert_eq!(slab.get_mut(index, generation), None);
        assert_eq!(slab.at(index), Some((later, &mut "two")));
    }

    #[test]
    fn a_full_slab_says_so_until_a_place_is_free() {
        let mut slab = Slab::new(1);
        slab.insert(1);
        assert!(slab.is_full());
        slab.remove(0);
        assert!(!slab.is_full());
        assert_eq!(slab.len(), 0);
    }
}
