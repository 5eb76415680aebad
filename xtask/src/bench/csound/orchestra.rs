//! The orchestras that are measured.
//!
//! They run in real time on Csound's own clocked driver without a sound card (`-+rtaudio=null -odac`). It sleeps until a buffer is due,
//! in whole milliseconds, by a time that it counts up from the start: the pace holds, and a k-cycle of 1.33 ms comes up
//! to half a millisecond late or early. The report shows both.

use std::fmt::Write;

use super::work::{Kind, Rate, SAMPLE_RATE, Signals};

/// What a signal is above the one before it. Signals are whole numbers, exact in 64 bits.
pub const STEP: u64 = 1_000_000_000;

/// Connections that a port of ours takes by default. The original knows no limit, and is not asked for as many.
const DEFAULT_CLIENTS: usize = 64;

/// For how long the note of [`Kind::End`] plays, in seconds.
pub const NOTE: u32 = 1;
/// What is printed in the last k-cycle of that note.
pub const LAST_CYCLE: &str = "the note ends";

/// How many ports an orchestra opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// None: no `websocket` at all.
    None,
    /// One, for everything.
    One,
    /// One for each variable: the original takes one input.
    EachVariable,
}

impl Ports {
    /// How many that are for a work.
    pub fn count(self, kind: &Kind) -> usize {
        match self {
            Self::None => 0,
            Self::One => 1,
            Self::EachVariable => kind.signals().map_or(1, |(signals, _)| signals.variables().len()),
        }
    }
}

/// The csd of a work for these ports.
pub fn csd(kind: &Kind, ports: &[u16]) -> String {
    let (ksmps, instrument, score) = match kind {
        Kind::Stream { signals, .. } | Kind::Memory { signals, .. } => {
            (signals.ksmps, sender(signals, ports), "i1 0 86400".to_owned())
        }
        Kind::Trip => (64, echo(ports), "i1 0 86400".to_owned()),
        Kind::End(_) => (64, short(ports), format!("i1 0 {NOTE}\nf0 86400")),
    };
    let buffer = ksmps.max(64);
    let settings = settings(kind, ports);
    format!(
        "<CsoundSynthesizer>\n<CsOptions>\n-odac -+rtaudio=null -m0d -b{buffer} -B{}\n</CsOptions>\n<CsInstruments>\n\
         sr = {SAMPLE_RATE}\nksmps = {ksmps}\nnchnls = 1\n0dbfs = 1\n{settings}\ninstr 1\n{instrument}endin\n</CsInstruments>\n\
         <CsScore>\n{score}\n</CsScore>\n</CsoundSynthesizer>\n",
        4 * buffer
    )
}

/// Room for more connections than a port of ours takes by default.
fn settings(kind: &Kind, ports: &[u16]) -> String {
    let (Some((signals, clients)), [port]) = (kind.signals(), ports) else { return String::new() };
    let connections = signals.variables().len() * clients;
    if connections > DEFAULT_CLIENTS {
        format!("websocketset {port}, \"clients\", {connections}\n")
    } else {
        String::new()
    }
}

/// Signals that carry the number of the k-cycle.
fn sender(signals: &Signals, ports: &[u16]) -> String {
    let mut text = String::from("kcycle init 0\nkcycle = kcycle + 1\n");
    let letter = if signals.rate == Rate::Audio { 'a' } else { 'k' };
    if signals.array {
        line(&mut text, format_args!("{letter}sig[] init {}", signals.count));
    }
    for index in 0..signals.count {
        let value = format!("kcycle + {}", index as u64 * STEP);
        match signals.rate {
            Rate::Audio => line(&mut text, format_args!("kvalue{index} = {value}\nasig{index} upsamp kvalue{index}")),
            Rate::Control => line(&mut text, format_args!("ksig{index} = {value}")),
        }
        if signals.array {
            line(&mut text, format_args!("{letter}sig[{index}] = {letter}sig{index}"));
        }
    }
    let variables: Vec<String> = signals.variables().into_iter().map(|(name, ..)| name).collect();
    match ports {
        [] => {}
        [port] if variables.len() > 1 => {
            line(&mut text, format_args!("websocketsend {port}, {}", variables.join(", ")))
        }
        // The original wants an output as well.
        ports => {
            for (index, (name, port)) in variables.iter().zip(ports).enumerate() {
                line(&mut text, format_args!("kback{index} websocket {port}, {name}"));
            }
        }
    }
    text
}

/// Sends back in the next k-cycle what came in.
fn echo(ports: &[u16]) -> String {
    let websocket = ports.first().map(|port| format!("kin websocket {port}, kout\n")).unwrap_or_default();
    format!("kin init 0\nkout init 0\n{websocket}kout = kin\n")
}

/// Says when its last k-cycle is done.
fn short(ports: &[u16]) -> String {
    let websocket = ports.first().map(|port| format!("kback websocket {port}, kcycle\n")).unwrap_or_default();
    format!(
        "kcycle init 0\nkcycle = kcycle + 1\n{websocket}if kcycle == round(p3 * kr) then\n\
         printks \"{LAST_CYCLE}\\n\", 0\nendif\n"
    )
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{arguments}");
}

#[cfg(test)]
mod tests {
    use super::super::work::{WORKS, find};
    use super::*;

    fn of(id: &str, ports: &[u16]) -> String {
        csd(&find(id).expect("a work").kind, ports)
    }

    #[test]
    fn the_original_gets_an_opcode_for_each_variable_and_ours_one_for_all() {
        let each: Vec<u16> = (9001..9009).collect();
        let text = of("a8-c1", &each);
        assert_eq!(text.matches(" websocket ").count(), 8);
        assert!(text.contains("kback7 websocket 9008, asig7\n"), "{text}");
        let text = of("a8-c1", &[9001]);
        assert!(
            text.contains("\nwebsocketsend 9001, asig0, asig1, asig2, asig3, asig4, asig5, asig6, asig7\n"),
            "{text}"
        );
        assert!(of("a8-c16", &[9001]).contains("\nwebsocketset 9001, \"clients\", 128\n"));
        assert!(!of("a8-c16", &each).contains("websocketset") && !of("a1-c16", &[9001]).contains("websocketset"));
        assert!(of("array16-c1", &[9001]).contains("\nkback0 websocket 9001, asig\n"));
        assert!(of("a1-c16", &[9001]).contains("\nkback0 websocket 9001, asig0\n"));
    }

    #[test]
    fn bare_csound_computes_the_same_signals() {
        for work in &WORKS {
            let (bare, one) = (csd(&work.kind, &[]), csd(&work.kind, &[9001]));
            assert!(!bare.contains("websocket"), "{bare}");
            let without: String = one.lines().filter(|line| !line.contains("websocket")).collect::<Vec<_>>().join("\n");
            assert_eq!(bare.trim_end(), without, "{}", work.id);
        }
    }

    #[test]
    fn ports_are_counted() {
        let kind = find("a16-c16").expect("a work").kind;
        let counts = [Ports::None, Ports::One, Ports::EachVariable].map(|ports| ports.count(&kind));
        assert_eq!(counts, [0, 1, 16]);
        assert_eq!(Ports::EachVariable.count(&Kind::Trip), 1);
        assert!(of("k-1", &[9001]).contains("ksmps = 1\n") && of("k-1", &[]).contains("-b64 -B256"));
    }
}
