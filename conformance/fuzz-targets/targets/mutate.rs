//! The targets without libFuzzer: seeds changed at random from a fixed seed, on stable. It is
//! no fuzzer: nothing tells it which code an input reached. In: a target and seconds. Out:
//! how many inputs ran; an input that panics is left in a file and ends the run.

use std::time::{Duration, Instant};

/// Splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (sides.max(1) as u64)).unwrap_or(0)
    }
}

/// Some places of `seed` changed: a bit, an octet, a piece out, a piece twice, a piece of
/// another seed in.
fn mutated(seed: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut input = seed.to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(input.len());
        let end = (at + dice.roll(64)).min(input.len());
        match dice.roll(6) {
            0 if at < input.len() => input[at] ^= 1 << dice.roll(8),
            1 if at < input.len() => input[at] = u8::try_from(dice.roll(256)).unwrap_or(0),
            2 => drop(input.drain(at..end)),
            3 => {
                let piece = input[at..end].to_vec();
                let to = dice.roll(input.len());
                input.splice(to..to, piece);
            }
            4 => {
                let from = dice.roll(other.len());
                let until = (from + dice.roll(256)).min(other.len());
                input.splice(at..end, other[from..until].iter().copied());
            }
            _ => {
                const WORDS: [&[u8]; 8] = [
                    b"&#13;",
                    b"<!---->",
                    b"xmlns=''",
                    b"<a>",
                    b"</a>",
                    b" Id='part'",
                    b"\"",
                    b"=",
                ];
                input.splice(at..at, WORDS[dice.roll(WORDS.len())].iter().copied());
            }
        }
    }
    input
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().expect("the name of a target");
    let seconds = arguments.next().and_then(|text| text.parse().ok()).expect("seconds");
    let (_, run) = onepoint_fuzz::TARGETS.iter().find(|(own, _)| *own == name).expect("a target");
    let seeds = onepoint_fuzz::seeds::of(&name);
    let (mut dice, started, mut count) = (Dice(0x5eed), Instant::now(), 0u64);
    while started.elapsed() < Duration::from_secs(seconds) {
        let seed = &seeds[dice.roll(seeds.len())];
        let input = mutated(seed, &seeds[dice.roll(seeds.len())], &mut dice);
        let outcome = std::panic::catch_unwind(|| run(&input));
        if outcome.is_err() {
            let file = format!("crash-{name}");
            std::fs::write(&file, &input).expect("the input is written");
            eprintln!("{name}: input {count} panics; it is in {file}");
            std::process::exit(1);
        }
        count += 1;
    }
    println!("{name}: {count} mutated inputs in {seconds} s, without coverage, no panic");
}
