//! The children of a component: in order of creation, and by name.
//!
//! A patch that makes and destroys thousands of operators in one component must not search through all of them each
//! time. So children are found in their order by the number that each operator of a patch has, and the next free name is
//! remembered for every base that was asked for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::OpId;

/// Children of one component.
#[derive(Default)]
pub(super) struct Children {
    order: Vec<OpId>,
    /// The number of each child of `order`, which grows.
    numbers: Vec<u64>,
    by_name: HashMap<Rc<str>, OpId>,
    /// For each base of a name with which children were named: the least number with which it is free. No base stays
    /// here without a child of the name base1, so there are never more of them than children.
    free: RefCell<HashMap<Box<str>, u32>>,
}

impl Children {
    pub(super) fn in_order(&self) -> &[OpId] {
        &self.order
    }

    pub(super) fn find(&self, name: &str) -> Option<OpId> {
        self.by_name.get(name).copied()
    }

    /// Adds the youngest child. `number` is greater than those of all others, and the name is free.
    pub(super) fn add(&mut self, id: OpId, number: u64, name: Rc<str>) {
        debug_assert!(self.numbers.last().is_none_or(|last| *last < number), "children are added in order");
        self.order.push(id);
        self.numbers.push(number);
        self.by_name.insert(name, id);
    }

    pub(super) fn remove(&mut self, number: u64, name: &str) {
        if let Ok(at) = self.numbers.binary_search(&number) {
            self.numbers.remove(at);
            self.order.remove(at);
        }
        self.by_name.remove(name);
        self.note_free(name);
    }

    pub(super) fn rename(&mut self, id: OpId, old: &str, new: Rc<str>) {
        self.by_name.remove(old);
        self.note_free(old);
        self.by_name.insert(new, id);
    }

    /// The first free name: the base and a number from 1.
    pub(super) fn free_name(&self, base: &str) -> String {
        let mut free = self.free.borrow_mut();
        let mut number = free.get(base).copied().unwrap_or(1);
        loop {
            let name = format!("{base}{number}");
            if !self.by_name.contains_key(&*name) {
                if number > 1 {
                    free.insert(base.into(), number);
                }
                return name;
            }
            // There are fewer operators than numbers.
            number += 1;
        }
    }

    /// A name is free again. `a12` may have been made from `a` as its twelfth, and from `a1` as its second.
    fn note_free(&self, name: &str) {
        let mut free = self.free.borrow_mut();
        let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
        for at in name.len() - digits..name.len() {
            let (base, number) = name.split_at(at);
            // No name is made with a leading zero.
            let Some(number) = Some(number).filter(|text| !text.starts_with('0')).and_then(|text| text.parse().ok())
            else {
                continue;
            };
            if let Some(known) = free.get_mut(base)
                && number < *known
            {
                *known = number;
                if number == 1 {
                    free.remove(base);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use slotmap::SlotMap;

    use super::*;

    struct Component {
        ids: SlotMap<OpId, u64>,
        children: Children,
        made: u64,
    }

    impl Component {
        fn new() -> Self {
            Component { ids: SlotMap::with_key(), children: Children::default(), made: 0 }
        }

        fn add(&mut self, name: &str) -> OpId {
            self.made += 1;
            let id = self.ids.insert(self.made);
            self.children.add(id, self.made, name.into());
            id
        }

        fn remove(&mut self, name: &str) {
            let id = self.children.find(name).unwrap();
            self.children.remove(self.ids[id], name);
        }
    }

    /// What the free name is by definition.
    fn first_free(children: &Children, base: &str) -> String {
        (1..).map(|number| format!("{base}{number}")).find(|name| children.find(name).is_none()).unwrap()
    }

    #[test]
    fn the_first_free_name_is_given_whatever_came_and_went() {
        let mut component = Component::new();
        let bases = ["a", "a1", "a0", "b", ""];
        // A fixed sequence that looks like chance.
        let mut seed = 1_u32;
        let mut chance = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as usize % below
        };
        for _ in 0..3000 {
            let base = bases[chance(bases.len())];
            let given = component.children.free_name(base);
            assert_eq!(given, first_free(&component.children, base));
            let children = component.children.in_order();
            if chance(5) < 3 || children.is_empty() {
                component.add(&given);
            } else {
                let id = children[chance(children.len())];
                let find = |(name, child): (&Rc<str>, &OpId)| (*child == id).then(|| name.clone());
                let name = component.children.by_name.iter().find_map(find).unwrap();
                if chance(2) == 0 {
                    component.remove(&name);
                } else if given != *name {
                    component.children.rename(id, &name, given.into());
                }
            }
            assert!(component.children.free.borrow().len() <= component.children.in_order().len());
        }
    }

    #[test]
    fn a_free_name_is_remembered_and_not_searched_for() {
        let mut component = Component::new();
        for _ in 0..1000 {
            let name = component.children.free_name("table");
            component.add(&name);
        }
        assert_eq!(component.children.free.borrow().get("table"), Some(&1000));
        component.remove("table7");
        assert_eq!(component.children.free.borrow().get("table"), Some(&7));
        assert_eq!(component.children.free_name("table"), "table7");
    }

    #[test]
    fn the_order_of_creation_stays() {
        let mut component = Component::new();
        let ids = ["x", "y", "z", "w"].map(|name| component.add(name));
        component.remove("y");
        assert_eq!(component.children.in_order(), [ids[0], ids[2], ids[3]]);
        component.children.rename(ids[0], "x", "y".into());
        assert_eq!(component.children.find("y"), Some(ids[0]));
        assert_eq!(component.children.find("x"), None);
        assert_eq!(component.children.in_order(), [ids[0], ids[2], ids[3]]);
    }
}
