//! What the operating system tells of the processor and of main memory.

/// The processor's own name, as Linux tells it.
pub fn processor_name() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name));
    let name = name.map_or_else(|| std::env::consts::ARCH.to_owned(), |name| name.trim().to_owned());
    name.chars().take(shared::device::NAME_MAX_CHARS).collect()
}

/// Bytes of main memory, 0 where the system does not tell.
pub fn memory_bytes() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    kilobytes.and_then(|text| text.parse::<u64>().ok()).map_or(0, |kilobytes| kilobytes * 1024)
}
