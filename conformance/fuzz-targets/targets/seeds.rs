//! Writes the seed corpora: a folder for each target below the one that is named.

use std::path::PathBuf;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("the folder of the corpora"));
    for (target, run) in onepoint_fuzz::TARGETS {
        let own = folder.join(target);
        std::fs::create_dir_all(&own).expect("a folder that can be made");
        for (at, seed) in onepoint_fuzz::seeds::of(target).into_iter().enumerate() {
            // A seed that breaks its target is a fault of the target.
            run(&seed);
            std::fs::write(own.join(format!("seed-{at}")), seed).expect("a seed is written");
        }
    }
}
