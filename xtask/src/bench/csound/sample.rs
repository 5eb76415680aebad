//! What one run of a work found out, and its way from process to process as one line.

use std::time::Duration;

use super::super::measurement::field;
use super::super::process::Memory;

/// One run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Length of the window.
    pub elapsed: Duration,
    /// Messages that arrived in it, on all connections; round trips where those are measured.
    pub messages: u64,
    /// Messages that should have come between those that did, on all connections.
    pub missing: u64,
    /// By how much the first connection's newest value fell behind in the window, in seconds.
    pub behind: f64,
    /// CPU time of Csound's performance thread.
    pub performance: Duration,
    /// CPU time of all its other threads.
    pub service: Duration,
    /// Time for which its threads were ready and had no core.
    pub waited: Duration,
    /// CPU time of the load generator.
    pub generator: Duration,
    /// Median time between two messages of the first connection, or of a round trip.
    pub p50: Duration,
    /// What 99 % did not exceed.
    pub p99: Duration,
    /// The longest.
    pub longest: Duration,
    /// Memory at the end of the window.
    pub memory: Memory,
}

impl Sample {
    /// The line that [`parse`](Self::parse) reads. Times are in nanoseconds.
    pub fn to_line(self) -> String {
        let Self { messages, missing, behind, memory: Memory { proportional, anonymous }, .. } = self;
        let mut line =
            format!("messages={messages} missing={missing} behind={behind} pss={proportional} anonymous={anonymous}");
        let times = [
            ("elapsed", self.elapsed),
            ("performance", self.performance),
            ("service", self.service),
            ("waited", self.waited),
            ("generator", self.generator),
            ("p50", self.p50),
            ("p99", self.p99),
            ("longest", self.longest),
        ];
        for (name, time) in times {
            line += &format!(" {name}={}", time.as_nanos());
        }
        line
    }

    /// Reads the line of a load generator.
    pub fn parse(line: &str) -> Option<Self> {
        let time = |name| field(line, name).map(Duration::from_nanos);
        Some(Self {
            elapsed: time("elapsed")?,
            messages: field(line, "messages")?,
            missing: field(line, "missing")?,
            behind: field(line, "behind")?,
            performance: time("performance")?,
            service: time("service")?,
            waited: time("waited")?,
            generator: time("generator")?,
            p50: time("p50")?,
            p99: time("p99")?,
            longest: time("longest")?,
            memory: Memory { proportional: field(line, "pss")?, anonymous: field(line, "anonymous")? },
        })
    }

    /// Share (0 to 1) of a core for which `time` accounts.
    pub fn share(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// Share of a core that Csound took with all its threads.
    pub fn cpu(&self) -> f64 {
        self.share(self.performance + self.service)
    }

    /// Messages per second.
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_survives_the_way_through_a_line() {
        let millis = Duration::from_millis;
        let sample = Sample {
            elapsed: millis(3000),
            messages: 2250,
            missing: 7,
            behind: -0.0125,
            performance: millis(60),
            service: millis(30),
            waited: millis(2),
            generator: millis(9),
            p50: millis(1),
            p99: millis(2),
            longest: millis(4),
            memory: Memory { proportional: 9_000_000, anonymous: 4_000_000 },
        };
        assert_eq!(Sample::parse(&sample.to_line()), Some(sample));
        assert!((sample.cpu() - 0.03).abs() < 1e-9 && (sample.rate() - 750.0).abs() < 1e-9);
        assert_eq!(Sample::parse("messages=1"), None);
    }
}
