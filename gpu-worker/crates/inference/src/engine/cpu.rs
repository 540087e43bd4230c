//! What the processor is: cores to use, and the instruction set that decides rounding.

use std::collections::BTreeSet;

/// Physical cores that this process may use, at least 1. Two hardware threads of one core share its arithmetic units,
/// so a matrix product gains nothing from the second.
pub fn physical_cores() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    let listed = std::fs::read_to_string("/proc/cpuinfo").map_or(0, |text| count_cores(&text));
    if listed == 0 { allowed } else { listed.min(allowed) }
}

/// Distinct pairs of socket and core in the text of `/proc/cpuinfo`; 0 where it names none.
fn count_cores(cpuinfo: &str) -> usize {
    let mut cores = BTreeSet::new();
    let mut socket = "";
    for line in cpuinfo.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        match key.trim() {
            "physical id" => socket = value.trim(),
            "core id" => {
                cores.insert((socket, value.trim()));
            }
            _ => {}
        }
    }
    cores.len()
}

/// The widest vector instructions, by which engines pick their kernels.
#[cfg(target_arch = "x86_64")]
pub fn instruction_set() -> &'static str {
    if std::is_x86_feature_detected!("avx512f") {
        "x86_64-avx512"
    } else if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
        "x86_64-avx2"
    } else {
        "x86_64-sse2"
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn instruction_set() -> &'static str {
    std::env::consts::ARCH
}

/// Processor time of this process so far, in milliseconds; 0 where the system does not tell.
pub fn process_cpu_ms() -> u64 {
    /// `USER_HZ`, which Linux fixes at 100 for programs on every architecture it runs on here.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15 (utime, stime); the second field may hold blanks, so counting begins after its parenthesis.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks * 1000 / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_threads_of_one_core_count_once() {
        let thread = |socket, core| format!("processor : 9\nphysical id : {socket}\ncore id : {core}\n\n");
        let text: String = [(0, 0), (0, 1), (0, 0), (0, 1), (1, 0)].map(|(socket, core)| thread(socket, core)).concat();
        assert_eq!(count_cores(&text), 3);
        assert_eq!(count_cores("nonsense"), 0);
    }
}
