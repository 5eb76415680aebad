//! Which compressed form of a file a client takes (`Accept-Encoding`, RFC 9110 §12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A compressed form that may lie beside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// All, the better compressor first.
    pub(super) const ALL: [Encoding; 2] = [Encoding::Brotli, Encoding::Gzip];

    /// Its name in HTTP.
    pub(super) fn name(self) -> &'static str {
        match self {
            Encoding::Brotli => "br",
            Encoding::Gzip => "gzip",
        }
    }

    /// What the name of the compressed file has at its end.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Encoding::Brotli => ".br",
            Encoding::Gzip => ".gz",
        }
    }
}

/// The encodings that the client takes, the most wanted first. Without the header it takes none.
pub(super) fn accepted(headers: &HeaderMap) -> Vec<Encoding> {
    let mut weights: [Option<f32>; 2] = [None; 2];
    let mut others = 0.0;
    let fields = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for item in fields.flat_map(|field| field.split(',')) {
        let mut parameters = item.split(';').map(str::trim);
        let name = parameters.next().unwrap_or_default();
        let weight = weight(parameters);
        if name == "*" {
            others = weight;
        }
        for (encoding, slot) in Encoding::ALL.into_iter().zip(&mut weights) {
            if is_named(encoding, name) {
                *slot = Some(weight);
            }
        }
    }
    let mut accepted: Vec<(Encoding, f32)> = Encoding::ALL
        .into_iter()
        .zip(weights)
        .map(|(encoding, weight)| (encoding, weight.unwrap_or(others)))
        .filter(|&(_, weight)| weight > 0.0)
        .collect();
    // Stable, so that equal weights keep the order of `ALL`.
    accepted.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    accepted.into_iter().map(|(encoding, _)| encoding).collect()
}

fn is_named(encoding: Encoding, name: &str) -> bool {
    name.eq_ignore_ascii_case(encoding.name()) || (encoding == Encoding::Gzip && name.eq_ignore_ascii_case("x-gzip"))
}

/// The `q` among the parameters: 1 if there is none, 0 (not wanted) if it cannot be read.
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> f32 {
    let quality = parameters.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
    match quality.map(str::parse::<f32>) {
        None => 1.0,
        Some(Ok(weight)) if (0.0..=1.0).contains(&weight) => weight,
        Some(_) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Encoding::{Brotli, Gzip};

    fn accepted_of(fields: &[&'static str]) -> Vec<Encoding> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(ACCEPT_ENCODING, field.parse().unwrap());
        }
        accepted(&headers)
    }

    #[test]
    fn weights_decide_and_brotli_wins_a_tie() {
        assert_eq!(accepted_of(&["gzip, deflate, br, zstd"]), [Brotli, Gzip]);
        assert_eq!(accepted_of(&["br;q=0.5, gzip;q=0.8"]), [Gzip, Brotli]);
        assert_eq!(accepted_of(&["br ; q=0.1", "X-GZip"]), [Gzip, Brotli]);
    }

    #[test]
    fn zero_and_nonsense_mean_no() {
        assert_eq!(accepted_of(&[]), []);
        assert_eq!(accepted_of(&["identity"]), []);
        assert_eq!(accepted_of(&["br;q=0, gzip;q=0.000"]), []);
        assert_eq!(accepted_of(&["br;q=nan, gzip;q=2"]), []);
        assert_eq!(accepted_of(&["brotli, gzipped"]), []);
    }

    #[test]
    fn a_star_stands_for_what_is_not_named() {
        assert_eq!(accepted_of(&["*"]), [Brotli, Gzip]);
        assert_eq!(accepted_of(&["br;q=0, *;q=0.5"]), [Gzip]);
        assert_eq!(accepted_of(&["gzip, *;q=0"]), [Gzip]);
    }
}
