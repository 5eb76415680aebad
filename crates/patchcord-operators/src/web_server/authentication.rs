//! HTTP Basic authentication for callbacks (TouchDesigner reference, section 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

/// Checks the token of an `Authorization: Basic` header, with or without its leading `Basic `, against a password.
/// Comparing takes the same time wherever the difference is.
pub fn authenticate_basic(token: &str, password_of: impl FnOnce(&str) -> Option<String>) -> bool {
    let token = token.trim();
    let token = match token.get(..6) {
        Some(scheme) if scheme.eq_ignore_ascii_case("basic ") => token[6..].trim(),
        _ => token,
    };
    let Ok(decoded) = STANDARD.decode(token) else { return false };
    let Ok(decoded) = String::from_utf8(decoded) else { return false };
    let Some((user, password)) = decoded.split_once(':') else { return false };
    password_of(user).is_some_and(|right| right.as_bytes().ct_eq(password.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str) -> bool {
        authenticate_basic(token, |user| (user == "ada").then(|| "pass:word".to_owned()))
    }

    #[test]
    fn the_token_counts_with_and_without_its_scheme() {
        let token = STANDARD.encode("ada:pass:word");
        assert!(check(&token));
        assert!(check(&format!("Basic {token}")));
        assert!(check(&format!("basic  {token}")));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(!check(&STANDARD.encode("ada:wrong")));
        assert!(!check(&STANDARD.encode("bob:pass:word")));
        assert!(!check(&STANDARD.encode("ada")));
        assert!(!check("Basic !!!"));
        assert!(!check(""));
        assert!(!check("é"));
    }
}
