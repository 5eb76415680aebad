//! Names of namespaces.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A namespace: `/`, or a name that begins with it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Namespace(Option<Arc<str>>);

/// Why a text is no name of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceError {
    /// A comma ends the name on the wire.
    #[error("the name of a namespace cannot contain a comma")]
    Comma,
    /// Longer than [`Namespace::MAX_LEN`].
    #[error("the name of a namespace has at most {} bytes", Namespace::MAX_LEN)]
    TooLong,
}

impl Namespace {
    /// The namespace that is meant when none is named.
    pub const ROOT: Self = Self(None);
    /// The longest name, in bytes, with the query that protocol 4 puts behind it.
    pub const MAX_LEN: usize = 1024;

    /// A namespace by its name; the `/` at the beginning may be left out.
    ///
    /// # Errors
    ///
    /// [`NamespaceError`].
    pub fn new(name: &str) -> Result<Self, NamespaceError> {
        if name.contains(',') {
            return Err(NamespaceError::Comma);
        }
        let name: Arc<str> = match name {
            "" | "/" => return Ok(Self::ROOT),
            name if name.starts_with('/') => name.into(),
            name => format!("/{name}").into(),
        };
        if name.len() > Self::MAX_LEN { Err(NamespaceError::TooLong) } else { Ok(Self(Some(name))) }
    }

    /// The name, with its `/`.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("/")
    }

    /// Whether it is `/`.
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// The name with a query behind it, which is how protocol 4 connects to a namespace.
    ///
    /// # Errors
    ///
    /// [`NamespaceError::TooLong`].
    pub fn with_query(&self, query: &[(String, String)]) -> Result<Self, NamespaceError> {
        if query.is_empty() {
            return Ok(self.clone());
        }
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let pairs: Vec<_> = query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        Self::new(&format!("{}?{}", self.as_str(), pairs.join("&")))
    }

    /// The name without the query that may stand behind it in protocol 4.
    #[must_use]
    pub fn without_query(&self) -> Self {
        match self.as_str().split_once('?') {
            Some((name, _)) => Self::new(name).unwrap_or_default(),
            None => self.clone(),
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_a_slash() {
        for (given, name) in [("", "/"), ("/", "/"), ("admin", "/admin"), ("/admin", "/admin"), ("/a/b", "/a/b")] {
            assert_eq!(Namespace::new(given).unwrap().as_str(), name);
        }
        assert!(Namespace::new("/").unwrap().is_root());
        assert_eq!(Namespace::new("a,b"), Err(NamespaceError::Comma));
        assert!(Namespace::new(&"a".repeat(1023)).is_ok());
        assert_eq!(Namespace::new(&"a".repeat(1024)), Err(NamespaceError::TooLong));
    }

    #[test]
    fn a_query_rides_behind_the_name() {
        let admin = Namespace::new("/admin").unwrap();
        let query = [("token".to_owned(), "a,b&c".to_owned()), ("n".to_owned(), "1".to_owned())];
        let connect = admin.with_query(&query).unwrap();
        assert_eq!(connect.as_str(), "/admin?token=a%2Cb%26c&n=1");
        assert_eq!(connect.without_query(), admin);
        assert_eq!(admin.with_query(&[]), Ok(admin.clone()));
        assert_eq!(Namespace::ROOT.with_query(&query).unwrap().without_query(), Namespace::ROOT);
    }
}
