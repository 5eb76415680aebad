//! What a load generator found out in one window, and its way from process to process as one line.

use std::time::Duration;

use super::histogram::Histogram;
use super::process::CpuTime;

/// One window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurement {
    /// Operations that were finished in the window.
    pub operations: u64,
    /// Length of the window.
    pub elapsed: Duration,
    /// CPU time of the program under test, all its processes and threads.
    pub cpu: Duration,
    /// Time that the program under test was ready to run and had no core.
    pub waited: Duration,
    /// CPU time of the load generator.
    pub generator: Duration,
    /// Median round trip; zero where none was measured.
    pub p50: Duration,
    /// Round trip that 99 % of the operations did not exceed; zero where none was measured.
    pub p99: Duration,
}

impl Measurement {
    /// A window with the accounts of the program under test and of the load generator.
    pub fn new(
        operations: u64,
        elapsed: Duration,
        tested: CpuTime,
        generator: CpuTime,
        round_trips: &Histogram,
    ) -> Self {
        let quantile = |share| Duration::from_nanos(round_trips.quantile(share));
        Self {
            operations,
            elapsed,
            cpu: tested.ran,
            waited: tested.waited,
            generator: generator.ran,
            p50: quantile(0.5),
            p99: quantile(0.99),
        }
    }

    /// The line that [`parse`](Self::parse) reads. Times are in nanoseconds.
    pub fn to_line(self) -> String {
        let times = [self.elapsed, self.cpu, self.waited, self.generator, self.p50, self.p99];
        let [elapsed, cpu, waited, generator, p50, p99] = times.map(|time| time.as_nanos());
        let operations = self.operations;
        format!(
            "operations={operations} elapsed={elapsed} cpu={cpu} waited={waited} generator={generator} p50={p50} p99={p99}"
        )
    }

    /// Reads the line of a load generator.
    pub fn parse(line: &str) -> Option<Self> {
        let time = |name| field(line, name).map(Duration::from_nanos);
        Some(Self {
            operations: field(line, "operations")?,
            elapsed: time("elapsed")?,
            cpu: time("cpu")?,
            waited: time("waited")?,
            generator: time("generator")?,
            p50: time("p50")?,
            p99: time("p99")?,
        })
    }

    /// CPU time of the program under test for one operation, in microseconds.
    pub fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.operations.max(1) as f64
    }

    /// Operations per second.
    pub fn rate(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64()
    }

    /// Share (0 to 1) of the window for which `time` accounts.
    pub fn share(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

/// The value of a `name=value` pair in a line.
pub fn field<T: std::str::FromStr>(line: &str, name: &str) -> Option<T> {
    line.split_whitespace().find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_survives_the_way_through_a_line() {
        let measurement = Measurement {
            operations: 3_000_000,
            elapsed: Duration::from_millis(1500),
            cpu: Duration::from_millis(1200),
            waited: Duration::from_micros(30),
            generator: Duration::from_millis(900),
            p50: Duration::from_micros(200),
            p99: Duration::from_micros(400),
        };
        assert_eq!(Measurement::parse(&measurement.to_line()), Some(measurement));
        assert!((measurement.cpu_us() - 0.4).abs() < 1e-9);
        assert!((measurement.rate() - 2e6).abs() < 1e-3);
        assert_eq!(Measurement::parse("operations=1"), None);
    }
}
