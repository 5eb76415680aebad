//! The nearest right name, for errors.

/// The most similar of `names`, when one is similar enough to be worth suggesting.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity > 0.78)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_offered_when_it_is_near() {
        assert_eq!(nearest("kapm", ["kfreq", "kamp"]), Some("kamp"));
        assert_eq!(nearest("KAMP", ["kfreq", "kamp"]), Some("kamp"));
        assert_eq!(nearest("gain", ["kfreq", "kamp"]), None);
        assert_eq!(nearest("gain", []), None);
    }
}
