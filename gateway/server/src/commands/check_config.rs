//! `onepoint check-config`: every fault of a configuration at once.

use std::process::ExitCode;

use super::Outcome;
use crate::cli::CheckConfigArgs;
use crate::config;

pub(crate) fn run(args: &CheckConfigArgs) -> Outcome {
    let (warnings, faults) = match config::load(&args.config) {
        Ok(settings) => (settings.warnings, Vec::new()),
        Err(faults) => (Vec::new(), faults),
    };
    print_warnings(&warnings);
    if args.json {
        let lines = faults.iter().filter_map(|fault| serde_json::to_string(fault).ok());
        lines.for_each(|line| println!("{line}"));
    } else if faults.is_empty() {
        println!("{}: good", args.config.display());
    } else {
        print_faults(&faults);
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Prints, for a person, what is allowed but not wise.
fn print_warnings(warnings: &[config::ConfigFault]) {
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
}

/// Prints the faults as `serve` does, too.
pub(crate) fn print_faults(faults: &[config::ConfigFault]) {
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    let plural = if faults.len() == 1 { "fault" } else { "faults" };
    eprintln!("onepoint: {} {plural} in the configuration [config-invalid]", faults.len());
    eprintln!("  hint: mend them all, then try `onepoint check-config` again");
}
