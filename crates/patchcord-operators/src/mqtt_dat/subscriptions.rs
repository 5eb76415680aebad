//! What was subscribed to: it outlives connections, and the operator's table shows it.

use std::cell::RefCell;

use indexmap::IndexMap;
use patchcord_core::table::Table;
use patchcord_net::mqtt::Qos;

/// Filters that may be subscribed to.
const MAX_FILTERS: usize = 10_000;

/// Where a subscription stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// The broker is to be asked, or was.
    Asked,
    Granted(Qos),
    Refused(String),
}

/// Filters and where each stands, in the order in which they came.
#[derive(Default)]
pub(super) struct Subscriptions {
    all: RefCell<IndexMap<Box<str>, State>>,
}

impl Subscriptions {
    /// Notes that filters are wanted. Those that are there are asked for again. False, and nothing is noted, when that would
    /// be too many.
    pub fn want<'a>(&self, filters: impl Iterator<Item = &'a str> + Clone) -> bool {
        let mut all = self.all.borrow_mut();
        let new = filters.clone().filter(|filter| !all.contains_key(*filter)).count();
        if all.len() + new > MAX_FILTERS {
            return false;
        }
        for filter in filters {
            all.insert(filter.into(), State::Asked);
        }
        true
    }

    /// What the broker has said to one.
    pub fn note(&self, filter: &str, granted: Result<Qos, &str>) {
        if let Some(state) = self.all.borrow_mut().get_mut(filter) {
            *state = match granted {
                Ok(level) => State::Granted(level),
                Err(reason) => State::Refused(reason.to_owned()),
            };
        }
    }

    /// The connection is gone, and with it what was granted. What was refused is not asked for again by itself.
    pub fn close(&self) {
        for state in self.all.borrow_mut().values_mut() {
            if matches!(state, State::Granted(_)) {
                *state = State::Asked;
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.all.borrow_mut().clear();
    }

    /// Filters that a new connection has to ask for.
    pub fn open(&self) -> Vec<Box<str>> {
        let all = self.all.borrow();
        all.iter().filter(|(_, state)| **state == State::Asked).map(|(filter, _)| filter.clone()).collect()
    }

    /// How many the broker has granted.
    pub fn granted(&self) -> usize {
        self.all.borrow().values().filter(|state| matches!(state, State::Granted(_))).count()
    }

    /// As a table for people.
    pub fn table(&self) -> Table {
        let mut rows = vec![["filter".to_owned(), "qos".to_owned(), "state".to_owned()]];
        for (filter, state) in &*self.all.borrow() {
            let (level, state) = match state {
                State::Asked => (String::new(), "asked for".to_owned()),
                State::Granted(level) => (level.number().to_string(), "granted".to_owned()),
                State::Refused(reason) => (String::new(), format!("refused: {reason}")),
            };
            rows.push([filter.to_string(), level, state]);
        }
        // There are fewer rows than a table can have.
        Table::from_rows(&rows).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(subscriptions: &Subscriptions) -> Vec<String> {
        let table = subscriptions.table();
        table.rows().skip(1).map(|row| row.iter().collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn what_was_granted_is_asked_for_again_and_what_was_refused_is_not() {
        let subscriptions = Subscriptions::default();
        assert!(subscriptions.want(["a", "b/#", "c"].into_iter()));
        assert_eq!(subscriptions.open().len(), 3);
        subscriptions.note("a", Ok(Qos::AtLeastOnce));
        subscriptions.note("b/#", Err("not authorised"));
        subscriptions.note("unknown", Ok(Qos::AtMostOnce));
        assert_eq!(rows(&subscriptions), ["a|1|granted", "b/#||refused: not authorised", "c||asked for"]);
        assert_eq!(subscriptions.granted(), 1);
        subscriptions.close();
        assert_eq!(subscriptions.open(), ["a".into(), "c".into()]);
        assert!(subscriptions.want(["b/#"].into_iter()));
        assert_eq!(subscriptions.open().len(), 3, "who asks again has the broker asked again");
        subscriptions.clear();
        assert!(subscriptions.open().is_empty());
    }

    #[test]
    fn there_are_only_so_many() {
        let subscriptions = Subscriptions::default();
        let names: Vec<String> = (0..MAX_FILTERS).map(|number| number.to_string()).collect();
        assert!(subscriptions.want(names.iter().map(String::as_str)));
        assert!(!subscriptions.want(["one more"].into_iter()));
        assert!(subscriptions.want(["5"].into_iter()), "one that is there takes no room");
    }
}
