//! What a topic and a topic filter may be (MQTT 5, 4.7).

/// Bytes of the longest topic.
const MAX_LENGTH: usize = 65_535;

/// Why a text is no topic, or no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Nothing is written.
    #[error("the topic is empty")]
    Empty,
    /// More than 65,535 bytes.
    #[error("the topic is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// The character NUL.
    #[error("the topic has a NUL character in it")]
    Nul,
    /// A wildcard where something is published.
    #[error("the topic has a wildcard, `+` or `#`, and nothing can be published to several topics at once")]
    Wildcard,
    /// A `+` that shares its level with something else.
    #[error("`+` stands for a whole level: write it alone between slashes")]
    Plus,
    /// A `#` that is not the whole last level.
    #[error("`#` stands for all further levels: write it alone behind the last slash")]
    Hash,
}

/// Whether something can be published under a topic.
///
/// # Errors
/// [`TopicError`].
pub fn check_topic(topic: &str) -> Result<(), TopicError> {
    check_text(topic)?;
    if topic.contains(['+', '#']) { Err(TopicError::Wildcard) } else { Ok(()) }
}

/// Whether a filter can be subscribed to. `+` stands for one level, `#` for all that follow.
///
/// # Errors
/// [`TopicError`].
pub fn check_filter(filter: &str) -> Result<(), TopicError> {
    check_text(filter)?;
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('+') && level.len() > 1 {
            return Err(TopicError::Plus);
        }
        if level.contains('#') && (level.len() > 1 || levels.peek().is_some()) {
            return Err(TopicError::Hash);
        }
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), TopicError> {
    if text.is_empty() {
        return Err(TopicError::Empty);
    }
    if text.len() > MAX_LENGTH {
        return Err(TopicError::TooLong);
    }
    if text.contains('\0') { Err(TopicError::Nul) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_alone_on_their_level() {
        for (filter, expected) in [
            ("a", Ok(())),
            ("a/b c/ü", Ok(())),
            ("/", Ok(())),
            ("+", Ok(())),
            ("#", Ok(())),
            ("a/+/b", Ok(())),
            ("a/#", Ok(())),
            ("$SYS/#", Ok(())),
            ("$share/group/a/+", Ok(())),
            ("", Err(TopicError::Empty)),
            ("a\0", Err(TopicError::Nul)),
            ("a+", Err(TopicError::Plus)),
            ("a/b+/c", Err(TopicError::Plus)),
            ("#/a", Err(TopicError::Hash)),
            ("a/b#", Err(TopicError::Hash)),
            ("a/##", Err(TopicError::Hash)),
        ] {
            assert_eq!(check_filter(filter), expected, "{filter:?}");
        }
        assert_eq!(check_filter(&"x".repeat(65_536)), Err(TopicError::TooLong));
        assert_eq!(check_filter(&"x".repeat(65_535)), Ok(()));
    }

    #[test]
    fn nothing_is_published_to_a_wildcard() {
        assert_eq!(check_topic("a/b"), Ok(()));
        assert_eq!(check_topic("a/+"), Err(TopicError::Wildcard));
        assert_eq!(check_topic("#"), Err(TopicError::Wildcard));
        assert_eq!(check_topic(""), Err(TopicError::Empty));
    }
}
