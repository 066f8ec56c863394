//! What this process uses of the machine.

/// Processor time of this process: fields 14 and 15 of its `stat`, in the hundredths of a second that Linux counts in.
pub fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let behind_the_name = stat.rsplit(')').next().expect("a name in brackets");
    let ticks = |field: usize| behind_the_name.split_whitespace().nth(field - 3).and_then(|t| t.parse::<u64>().ok());
    (ticks(14).expect("user time") + ticks(15).expect("system time")) as f64 / 100.0
}

pub fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let kib = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).and_then(|l| l.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<f64>().ok()).expect("VmRSS in kB") / 1024.0
}
