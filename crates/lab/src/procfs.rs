//! What Linux says in text about processes and the machine, parsed. Files are read in `probe.rs`,
//! `limits.rs` and `machine.rs`; here are only functions from text to values.

/// What the lab wants of `/proc/PID/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) rss_bytes: u64,
    pub(crate) page_table_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) address_space_bytes: Option<u64>,
}

/// `/proc/PID/status`; `None` for a process that has ended and was not collected (it has no memory).
pub(crate) fn status(text: &str) -> Option<Status> {
    Some(Status {
        rss_bytes: kib(text, "VmRSS:")?,
        page_table_bytes: kib(text, "VmPTE:")?,
        threads: field(text, "Threads:")?.parse().ok()?,
        address_space_bytes: kib(text, "VmSize:"),
    })
}

/// User and system time of `/proc/PID/stat`, all threads that it has and had, in ticks of the kernel's clock.
pub(crate) fn user_and_system(text: &str) -> Option<(u64, u64)> {
    // A process's name may hold anything, blanks and parentheses as well.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Time that the CPUs were idle, and all their time, of `/proc/stat`, in ticks: of these CPUs, or of all.
pub(crate) fn idle_and_all(text: &str, cpus: Option<&[u32]>) -> Option<(u64, u64)> {
    let wanted: Vec<String> =
        cpus.map_or_else(|| vec!["cpu".into()], |cpus| cpus.iter().map(|cpu| format!("cpu{cpu}")).collect());
    let mut sum = (0, 0);
    for name in wanted {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(&*name))?;
        // user nice system idle iowait irq softirq steal; what guests of this machine had is in user already.
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        sum = (sum.0 + ticks.get(3)? + ticks.get(4)?, sum.1 + ticks.iter().sum::<u64>());
    }
    Some(sum)
}

/// A line such as `MemTotal:  24105 kB`, in bytes; of `/proc/meminfo` or `/proc/PID/status`.
pub(crate) fn kib(text: &str, name: &str) -> Option<u64> {
    let kib: u64 = field(text, name)?.strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// A counter of `/proc/net/netstat`, where a line of names stands above a line of values.
pub(crate) fn netstat(text: &str, group: &str, counter: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let place = lines.next()?.split_whitespace().position(|name| name == counter)?;
    lines.next()?.split_whitespace().nth(place)?.parse().ok()
}

/// The processor's name in `/proc/cpuinfo`; ARM's has none.
pub(crate) fn cpu_name(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Directories below `/sys/fs/cgroup` that may hold this process's `pids.max`, by `/proc/self/cgroup`: the
/// cgroup itself and all above it, since each of them binds. Version 1 has a tree of its own for `pids`.
pub(crate) fn pids_cgroups(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let root = match controllers {
            "" => "",
            list if list.split(',').any(|name| name == "pids") => "pids",
            _ => continue,
        };
        let mut path = path.trim_end_matches('/');
        loop {
            found.push(format!("{root}{path}").trim_start_matches('/').to_owned());
            match path.rsplit_once('/') {
                Some((above, _)) => path = above,
                None => break,
            }
        }
    }
    found
}

/// A limit file's value; `None` for `max`, which is no limit, and for nonsense.
pub(crate) fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Threads on the whole machine and load over one minute, of `/proc/loadavg`.
pub(crate) fn loadavg(text: &str) -> Option<(f64, u64)> {
    let mut fields = text.split_whitespace();
    let load = fields.next()?.parse().ok()?;
    let threads = fields.nth(2)?.split_once('/')?.1.parse().ok()?;
    Some((load, threads))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_status() {
        let text = "Name:\tasync-server\nVmSize:\t  9000 kB\nVmRSS:\t    7012 kB\nVmPTE:\t      64 kB\nThreads:\t3\n";
        let expected = Status {
            rss_bytes: 7012 * 1024,
            page_table_bytes: 64 * 1024,
            threads: 3,
            address_space_bytes: Some(9000 * 1024),
        };
        assert_eq!(status(text), Some(expected));
        assert_eq!(status("Name:\tgone\nState:\tZ (zombie)\nThreads:\t1\n"), None);
    }

    #[test]
    fn user_and_system_time_whatever_the_process_is_called() {
        let stat = "24 (a) S (b)) S 1 24 24 0 -1 4194560 99 0 0 0 270 31 0 0 20 0 4 0 100 0 0";
        assert_eq!(user_and_system(stat), Some((270, 31)));
        assert_eq!(user_and_system("24 (short) S 1"), None);
    }

    #[test]
    fn idle_time_of_some_cpus_or_of_all() {
        let stat = "cpu  10 0 10 160 0 0 10 10 7 0\ncpu0 10 0 10 60 0 0 10 10 7 0\ncpu1 0 0 0 90 10 0 0 0 0 0\nintr 5\n";
        assert_eq!(idle_and_all(stat, None), Some((160, 200)));
        assert_eq!(idle_and_all(stat, Some(&[1])), Some((100, 100)), "waiting for a disk is idle, too");
        assert_eq!(idle_and_all(stat, Some(&[0, 1])), Some((160, 200)));
        assert_eq!(idle_and_all(stat, Some(&[2])), None);
    }

    #[test]
    fn a_counter_is_found_by_its_name_in_the_right_group() {
        let text = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 333\n\
                    IpExt: ListenOverflows\nIpExt: 9\n";
        assert_eq!(netstat(text, "TcpExt", "ListenOverflows"), Some(22));
        assert_eq!(netstat(text, "TcpExt", "Nothing"), None);
        assert_eq!(netstat("TcpExt: ListenOverflows\n", "TcpExt", "ListenOverflows"), None);
    }

    #[test]
    fn every_cgroup_above_this_one_may_limit_it() {
        assert_eq!(pids_cgroups("0::/a/b\n"), ["a/b", "a", ""]);
        assert_eq!(pids_cgroups("8:pids:/\n7:cpu,cpuacct:/x\n"), ["pids"]);
        assert_eq!(pids_cgroups("8:pids:/docker/1\n0::/\n"), ["pids/docker/1", "pids/docker", "pids", ""]);
        assert_eq!(pids_cgroups("nonsense"), [""; 0]);
    }

    #[test]
    fn memory_load_and_limits() {
        assert_eq!(kib("MemTotal:       24683520 kB\n", "MemTotal:"), Some(24_683_520 * 1024));
        assert_eq!(kib("MemTotal: lots\n", "MemTotal:"), None);
        assert_eq!(loadavg("2.32 1.00 0.63 5/125 24403\n"), Some((2.32, 125)));
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("4096\n"), Some(4096));
        assert_eq!(cpu_name("model name\t: AMD EPYC\n").as_deref(), Some("AMD EPYC"));
    }
}
