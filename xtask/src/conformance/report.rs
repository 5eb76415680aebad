//! Autobahn's report: reading it, judging it, and keeping it in a form that can be compared.
//!
//! What is kept holds no durations, so that two runs with the same results are the same text.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::Role;

/// Results that pass, for the behaviour and for the close behaviour.
const GOOD: [&str; 2] = ["OK", "INFORMATIONAL"];

/// What the groups are about, for the written page.
const GROUP_TITLES: [(u32, &str); 11] = [
    (1, "Framing"),
    (2, "Pings and pongs"),
    (3, "Reserved bits"),
    (4, "Opcodes"),
    (5, "Fragmentation"),
    (6, "UTF-8"),
    (7, "Closing"),
    (9, "Limits and performance"),
    (10, "Automatic fragmentation"),
    (12, "Compression, different payloads"),
    (13, "Compression, different parameters"),
];

/// Why a text is not a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is not what Autobahn writes.
    #[error("it is not readable: {0}")]
    Form(#[from] serde_json::Error),
    /// It is about nobody, or about several.
    #[error("it is about {0} agents")]
    Agents(usize),
    /// A case is not named by numbers.
    #[error("it has a case with the name {0:?}")]
    CaseName(String),
}

/// Name of a case: `9.1.6` comes before `10.1.1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Case(Vec<u32>);

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
struct Verdict {
    behavior: String,
    #[serde(rename = "behaviorClose")]
    behavior_close: String,
}

/// Results of one agent, as Autobahn calls what it tests.
#[derive(Debug, PartialEq, Eq)]
pub struct Report(BTreeMap<Case, Verdict>);

impl Report {
    /// Reads Autobahn's `index.json`.
    ///
    /// # Errors
    /// When it is not the report of one agent.
    pub fn parse(text: &str) -> Result<Self, ReportError> {
        let mut agents: BTreeMap<String, BTreeMap<String, Verdict>> = serde_json::from_str(text)?;
        let count = agents.len();
        let (Some((_, results)), 1) = (agents.pop_first(), count) else { return Err(ReportError::Agents(count)) };
        let case = |(name, result): (String, Verdict)| match Case::parse(&name) {
            Some(case) => Ok((case, result)),
            None => Err(ReportError::CaseName(name)),
        };
        Ok(Self(results.into_iter().map(case).collect::<Result<_, _>>()?))
    }

    /// Number of cases.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Cases that did not pass, each in words.
    pub fn failed(&self) -> impl Iterator<Item = String> {
        let failed = self.0.iter().filter(|(_, result)| !result.passed());
        failed.map(|(case, result)| {
            format!("{case}: behaviour {}, close behaviour {}", result.behavior, result.behavior_close)
        })
    }

    /// The failed cases and, as the last line, the sum.
    pub fn closing(&self) -> String {
        let failed: Vec<String> = self.failed().collect();
        let mut text: String = failed.iter().map(|line| format!("{line}\n")).collect();
        let _ = write!(text, "{} passed, {} failed", self.len() - failed.len(), failed.len());
        text
    }

    /// The form that is kept: one line for each case.
    pub fn json(&self) -> String {
        let line = |(case, result): (&Case, &Verdict)| {
            let (behavior, close) = (&result.behavior, &result.behavior_close);
            format!("  \"{case}\": {{\"behavior\": \"{behavior}\", \"behaviorClose\": \"{close}\"}}")
        };
        format!("{{\n{}\n}}\n", self.0.iter().map(line).collect::<Vec<_>>().join(",\n"))
    }

    /// The page that is kept beside it.
    pub fn page(&self, role: Role, versions: &[(&str, String)]) -> String {
        let (operator, peer) = match role {
            Role::Server => ("Web Server DAT", "fuzzing client against"),
            Role::Client => ("WebSocket DAT", "fuzzing server, for"),
        };
        let mut page = format!(
            "# WebSocket conformance of the {operator}\n\n\
             Autobahn's {peer} a patch with one {operator} whose Python callbacks echo, written by \
             `cargo xtask conformance websocket`. A case passes when its behaviour and its close behaviour are OK \
             or INFORMATIONAL; NON-STRICT does not pass.\n\n",
        );
        for (name, version) in versions {
            let _ = writeln!(page, "- {name}: {version}");
        }
        let passed = self.len() - self.failed().count();
        let _ = writeln!(page, "\n**{passed} passed, {} failed.**\n", self.len() - passed);
        page.push_str("| Group | Cases | OK | INFORMATIONAL | failed |\n|---|---:|---:|---:|---:|\n");
        for (group, title) in GROUP_TITLES {
            let results: Vec<&Verdict> =
                self.0.iter().filter(|(case, _)| case.0[0] == group).map(|(_, result)| result).collect();
            if results.is_empty() {
                continue;
            }
            let failed = results.iter().filter(|result| !result.passed()).count();
            let informational = results.iter().filter(|result| result.passed() && result.is_informational()).count();
            let ok = results.len() - failed - informational;
            let _ = writeln!(page, "| {group} {title} | {} | {ok} | {informational} | {failed} |", results.len());
        }
        let informational: Vec<String> = self
            .0
            .iter()
            .filter(|(_, result)| result.passed() && result.is_informational())
            .map(|(case, _)| case.to_string())
            .collect();
        if !informational.is_empty() {
            let cases = informational.join(", ");
            let _ = writeln!(
                page,
                "\nINFORMATIONAL (the RFC leaves the behaviour open, the suite only notes it): {cases}."
            );
        }
        if self.failed().next().is_some() {
            page.push_str("\n## Failed\n\n");
            self.failed().for_each(|line| page.push_str(&format!("- {line}\n")));
        }
        let _ = writeln!(page, "\nEvery case: [autobahn-{role}.json](autobahn-{role}.json).", role = role.name());
        page
    }
}

impl Verdict {
    fn passed(&self) -> bool {
        GOOD.contains(&self.behavior.as_str()) && GOOD.contains(&self.behavior_close.as_str())
    }

    fn is_informational(&self) -> bool {
        [&self.behavior, &self.behavior_close].iter().any(|result| *result == "INFORMATIONAL")
    }
}

impl Case {
    fn parse(name: &str) -> Option<Self> {
        Some(Self(name.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?))
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"{"own": {
        "10.1.1": {"behavior": "OK", "behaviorClose": "OK", "duration": 2, "remoteCloseCode": 1000},
        "9.1.6": {"behavior": "OK", "behaviorClose": "FAILED", "duration": 30},
        "7.1.6": {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL", "duration": 3},
        "6.4.1": {"behavior": "NON-STRICT", "behaviorClose": "OK", "duration": 3}
    }}"#;

    #[test]
    fn only_ok_and_informational_pass_in_both_behaviours() -> Result<(), ReportError> {
        assert_eq!(
            Report::parse(INDEX)?.closing(),
            "6.4.1: behaviour NON-STRICT, close behaviour OK\n9.1.6: behaviour OK, close behaviour FAILED\n\
             2 passed, 2 failed"
        );
        Ok(())
    }

    #[test]
    fn what_is_kept_is_in_order_and_without_durations() -> Result<(), ReportError> {
        let json = Report::parse(INDEX)?.json();
        let lines: Vec<&str> = json.lines().collect();
        assert_eq!(lines[1], r#"  "6.4.1": {"behavior": "NON-STRICT", "behaviorClose": "OK"},"#);
        assert!(lines[4].starts_with(r#"  "10.1.1""#) && !json.contains("duration"));
        assert_eq!(Report::parse(&format!("{{\"own\": {json}}}"))?, Report::parse(INDEX)?);
        Ok(())
    }

    #[test]
    fn the_page_counts_by_group() -> Result<(), ReportError> {
        let page = Report::parse(INDEX)?.page(Role::Client, &[("Date", "2026-01-01".to_owned())]);
        for part in [
            "of the WebSocket DAT\n",
            "[autobahn-client.json]",
            "- Date: 2026-01-01\n",
            "**2 passed, 2 failed.**",
            "| 7 Closing | 1 | 0 | 1 | 0 |\n",
            "| 10 Automatic fragmentation | 1 | 1 | 0 | 0 |\n",
            "): 7.1.6.\n",
            "## Failed\n\n- 6.4.1: ",
        ] {
            assert!(page.contains(part), "{part:?} is missing in:\n{page}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(matches!(Report::parse("{}"), Err(ReportError::Agents(0))));
        assert!(matches!(Report::parse("[]"), Err(ReportError::Form(_))));
        let odd = r#"{"own": {"one": {"behavior": "OK", "behaviorClose": "OK"}}}"#;
        assert!(matches!(Report::parse(odd), Err(ReportError::CaseName(name)) if name == "one"));
    }
}
