//! Who hears of a connection besides its callbacks: logic graphs.
//!
//! An operator that is a connection has [`Listeners`] and tells them [`News`] as it happens. Nobody listening costs it one
//! look at a flag.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use http::request::Parts;

use crate::socketio_dat;

/// What a listener hears of.
#[derive(Clone, Copy)]
pub enum News<'a> {
    /// The connection is open; a server listens.
    Opened,
    /// It is open no more.
    Closed {
        /// Nobody here has asked for that.
        failure: bool,
        /// Why, in plain words.
        reason: &'a str,
    },
    /// Something went wrong, in plain words.
    Error(&'a str),
    /// A text message.
    Text(&'a str),
    /// Bytes: a binary message, a datagram, what a read of a stream had.
    Bytes(&'a [u8]),
    /// A message of a topic: its name and contents.
    Topic(&'a str, &'a [u8]),
    /// A request that the listener takes. Somebody has to answer it with its number.
    Request(Request<'a>),
    /// What only Socket.IO has: everything of its connections belongs to a namespace.
    SocketIo(socketio_dat::News<'a>),
}

/// An HTTP request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The number for the answer.
    pub number: u64,
    /// The method of a route that takes it: a HEAD is asked of the route for GET where there is none for HEAD.
    pub method: &'a str,
    /// The path, decoded, without the query.
    pub path: &'a str,
    /// Everything else of its head.
    pub parts: &'a Parts,
    /// The body.
    pub body: &'a [u8],
}

/// Hears of a connection. It is called with nothing borrowed.
pub trait Listener {
    /// Something happened.
    fn handle_news(&self, news: News<'_>);

    /// Does `work`, which tells several listeners, so that what the first causes comes when all have been told.
    fn together(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// Whether it takes requests of this method and path: then it hears of each as [`News::Request`].
    fn takes(&self, method: &str, path: &str) -> bool {
        let _ = (method, path);
        false
    }
}

/// Tells these listeners, all of them before what the first makes of it comes about.
pub(crate) fn tell(listeners: &[Rc<dyn Listener>], news: News<'_>) {
    let Some(first) = listeners.first() else { return };
    first.together(&mut || listeners.iter().for_each(|listener| listener.handle_news(news)));
}

/// The listeners of an operator.
#[derive(Default)]
pub(crate) struct Listeners {
    all: RefCell<Vec<Weak<dyn Listener>>>,
    is_any: Cell<bool>,
}

impl Listeners {
    /// Tells a listener of everything from now on, until it is gone or removed. A listener is told once, however often it was
    /// added.
    pub(crate) fn add(&self, listener: Weak<dyn Listener>) {
        let mut all = self.all.borrow_mut();
        all.retain(|one| one.strong_count() > 0 && !one.ptr_eq(&listener));
        all.push(listener);
        self.is_any.set(true);
    }

    /// Tells a listener of nothing more.
    pub(crate) fn remove(&self, listener: &Weak<dyn Listener>) {
        let mut all = self.all.borrow_mut();
        all.retain(|one| one.strong_count() > 0 && !one.ptr_eq(listener));
        self.is_any.set(!all.is_empty());
    }

    /// Whether anybody may listen. What takes work to tell is made ready only then.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.is_any.get()
    }

    /// Tells all listeners.
    #[inline]
    pub(crate) fn tell(&self, news: News<'_>) {
        if self.is_any.get() {
            self.tell_all(news);
        }
    }

    fn tell_all(&self, news: News<'_>) {
        tell(&self.there(), news);
    }

    /// The listeners that take requests of this method and path.
    pub(crate) fn takers(&self, method: &str, path: &str) -> Vec<Rc<dyn Listener>> {
        let mut takers = self.there();
        takers.retain(|listener| listener.takes(method, path));
        takers
    }

    /// Those that are there now: one that is told may add or remove one.
    fn there(&self) -> Vec<Rc<dyn Listener>> {
        self.all.borrow().iter().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Next = (Rc<Listeners>, Weak<dyn Listener>);

    #[derive(Default)]
    struct Ear {
        heard: RefCell<Vec<String>>,
        /// Added when it hears of something.
        next: RefCell<Option<Next>>,
    }

    impl Listener for Ear {
        fn handle_news(&self, news: News<'_>) {
            if let News::Text(text) = news {
                self.heard.borrow_mut().push(text.to_owned());
            }
            if let Some((listeners, other)) = self.next.take() {
                listeners.add(other);
            }
        }
    }

    fn weak(ear: &Rc<Ear>) -> Weak<dyn Listener> {
        let ear: Rc<dyn Listener> = ear.clone();
        Rc::downgrade(&ear)
    }

    #[test]
    fn a_listener_hears_once_until_it_is_removed_or_gone() {
        let listeners = Listeners::default();
        let (one, other) = (Rc::new(Ear::default()), Rc::new(Ear::default()));
        listeners.tell(News::Text("nobody"));
        listeners.add(weak(&one));
        listeners.add(weak(&one));
        listeners.add(weak(&other));
        listeners.tell(News::Text("a"));
        drop(other);
        listeners.tell(News::Text("b"));
        listeners.remove(&weak(&one));
        listeners.tell(News::Text("c"));
        assert_eq!(*one.heard.borrow(), ["a", "b"]);
        assert!(!listeners.is_any(), "one that is gone costs nothing more");
    }

    #[test]
    fn who_is_added_while_others_are_told_hears_from_the_next_on() {
        let listeners = Rc::new(Listeners::default());
        let (one, other) = (Rc::new(Ear::default()), Rc::new(Ear::default()));
        one.next.replace(Some((listeners.clone(), weak(&other))));
        listeners.add(weak(&one));
        listeners.tell(News::Text("a"));
        listeners.tell(News::Text("b"));
        assert_eq!(*other.heard.borrow(), ["b"]);
    }
}
