//! The command line of a benchmark: which rows, which works, how many rounds, how long.

use std::time::Duration;

use super::BenchError;

/// What a command line can name.
pub struct Choices {
    /// The benchmark's name behind `bench`.
    pub benchmark: &'static str,
    /// Every row.
    pub names: Vec<&'static str>,
    /// The rows that `--quick` measures.
    pub quick: Vec<&'static str>,
    /// Ids of the works; none where a benchmark always does all of them.
    pub works: Vec<&'static str>,
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Names of the rows, when not all.
    only: Option<Vec<String>>,
    /// Ids of the works, when not all.
    works: Option<Vec<String>>,
    /// How often everything is measured.
    pub rounds: usize,
    /// For how long a work is done before it is measured.
    pub warm_up: Duration,
    /// For how long it is measured.
    pub window: Duration,
    /// Short, to see that everything runs.
    pub quick: bool,
    /// Everything is measured, so that the report can be kept.
    pub full: bool,
}

impl Options {
    /// Reads what stands behind the name of the benchmark.
    ///
    /// # Errors
    /// [`BenchError::Usage`] with every name that can be given.
    pub fn parse(args: &[String], choices: &Choices) -> Result<Self, BenchError> {
        let usage = || choices.usage();
        let list = |text: Option<&str>, known: &[&str]| {
            let names: Vec<String> = text.ok_or_else(usage)?.split(',').map(str::to_owned).collect();
            if names.iter().all(|name| known.contains(&&**name)) { Ok(Some(names)) } else { Err(usage()) }
        };
        let number = |text: &str| text.parse().ok().filter(|&rounds| rounds > 0).ok_or_else(usage);
        let mut options = Self {
            only: None,
            works: None,
            rounds: 5,
            warm_up: Duration::from_millis(400),
            window: Duration::from_millis(1500),
            quick: false,
            full: true,
        };
        let mut rounds = None;
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg {
                "--quick" => {
                    options.only.get_or_insert_with(|| choices.quick.iter().map(|&name| name.to_owned()).collect());
                    options.rounds = 1;
                    (options.warm_up, options.window) = (Duration::from_millis(200), Duration::from_millis(500));
                    (options.quick, options.full) = (true, false);
                }
                "--only" => {
                    options.only = list(args.next(), &choices.names)?;
                    options.full = false;
                }
                "--work" => {
                    options.works = list(args.next(), &choices.works)?;
                    options.full = false;
                }
                "--rounds" => rounds = Some(number(args.next().ok_or_else(usage)?)?),
                _ => rounds = Some(number(arg)?),
            }
        }
        options.rounds = rounds.unwrap_or(options.rounds);
        Ok(options)
    }

    /// Whether a row was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|wanted| wanted == name))
    }

    /// Whether a work was asked for.
    pub fn does(&self, work: &str) -> bool {
        self.works.as_ref().is_none_or(|works| works.iter().any(|wanted| wanted == work))
    }
}

impl Choices {
    fn usage(&self) -> BenchError {
        let names = self.names.join(", ");
        let mut text = format!("bench {} [--quick] [[--rounds] N] [--only NAME,NAME]", self.benchmark);
        if self.works.is_empty() {
            text += &format!(" with names of: {names}");
        } else {
            text += &format!(" [--work ID,ID] with names of: {names}; and works of: {}", self.works.join(", "));
        }
        BenchError::Usage(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, BenchError> {
        let choices = Choices {
            benchmark: "choir",
            names: vec!["alto", "bass", "tenor"],
            quick: vec!["alto"],
            works: vec!["chord", "scale"],
        };
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), &choices)
    }

    #[test]
    fn a_full_session_is_the_default_and_a_part_is_never_kept() -> Result<(), BenchError> {
        let all = parse("")?;
        assert!(all.full && all.rounds == 5 && all.wants("bass") && all.does("scale"));
        assert!(parse("3")?.full && parse("3")?.rounds == 3);
        let quick = parse("--rounds 2 --quick")?;
        assert!(!quick.full && quick.rounds == 2 && quick.wants("alto") && !quick.wants("bass"));
        let part = parse("--only bass,tenor --work scale --quick")?;
        assert!(part.wants("bass") && part.wants("tenor") && !part.wants("alto"));
        assert!(part.does("scale") && !part.does("chord") && !part.full);
        Ok(())
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_names() {
        for line in ["csound", "--only soprano", "--only", "--rounds 0", "0", "--rounds", "--work song", "--work"] {
            let error = parse(line).expect_err(line).to_string();
            assert!(error.contains("tenor") && error.contains("chord"), "{error}");
        }
    }
}
