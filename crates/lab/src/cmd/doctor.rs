//! `cargo lab doctor`: what this machine allows, what that means for each rung, and how to have more.

use comfy_table::CellAlignment;

use crate::cli;
use crate::cmd::list::table;
use crate::ladder::LADDER;
use crate::limits::{self, Limits};

pub(crate) fn run() -> anyhow::Result<()> {
    let before = limits::read();
    limits::raise_open_files();
    // What the servers will have; what the shell had is shown beside it.
    let limits = limits::read();
    let mut text = of_machine(&before, &limits);
    text +=
        "\n\nRequests in flight, at most, and what ends there (the load generator on the same machine):\n";
    text += &of_rungs(&limits);
    let safe =
        limits.thread_budget().map_or_else(|| "unknown here".to_owned(), |threads| threads.to_string());
    text += &format!(
        "\n\nAn experiment takes {safe} threads at most: a quarter of what everybody on this machine has left, half of what one \
         process may have. What would need more is left out, and said to be, unless --allow-threads is given."
    );
    cli::print(&text)?;
    Ok(())
}

fn of_machine(before: &Limits, limits: &Limits) -> String {
    let mut rows = table(&["limit", "here", "how to raise it"]);
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let number =
        |value: Option<u64>| value.map_or_else(|| "none or unknown".to_owned(), |value| value.to_string());
    let gib = |bytes: Option<u64>| {
        bytes.map_or_else(
            || "unknown".to_owned(),
            |bytes| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
        )
    };
    rows.add_row(["CPUs", &cpus.to_string(), "two at least, or server and generator share one"]);
    let memory = format!("{} ({} free)", gib(limits.memory_bytes), gib(limits.memory_available_bytes));
    rows.add_row(["memory", &memory, ""]);
    let files = format!("{} (raised to {})", number(before.files_soft), number(limits.files_soft));
    rows.add_row(["open files, soft", &files, "the lab raises it to the hard limit by itself"]);
    rows.add_row(["open files, hard", &number(limits.files_hard), RAISE_FILES]);
    rows.add_row(["pid_max", &number(limits.pid_max), "sudo sysctl -w kernel.pid_max=4194304"]);
    rows.add_row(["threads-max", &number(limits.threads_max), "sudo sysctl -w kernel.threads-max=200000"]);
    rows.add_row(["threads now", &number(limits.threads_now), ""]);
    let cgroup = limits.cgroup_pids.map_or_else(|| number(None), |(max, now)| format!("{max} ({now} taken)"));
    rows.add_row(["cgroup pids.max", &cgroup, RAISE_PIDS]);
    rows.add_row(["max_map_count", &number(limits.max_map_count), "sudo sysctl -w vm.max_map_count=262144"]);
    if limits.process_threads.is_some() {
        rows.add_row(["threads of a process", &number(limits.process_threads), "fixed by the system"]);
    }
    let ports = limits.ports.map_or_else(|| number(None), |(first, last)| format!("{first} to {last}"));
    rows.add_row(["client ports", &ports, "sudo sysctl -w net.ipv4.ip_local_port_range='10000 65000'"]);
    rows.add_row(["somaxconn", &number(limits.somaxconn), "sudo sysctl -w net.core.somaxconn=4096"]);
    rows.trim_fmt()
}

const RAISE_FILES: &str = if cfg!(target_os = "macos") {
    "sudo launchctl limit maxfiles 65536 200000"
} else {
    "as root: ulimit -Hn 65536; for good: \"* hard nofile 65536\" in /etc/security/limits.conf"
};
const RAISE_PIDS: &str = "docker run --pids-limit 20000; systemd: TasksMax=20000";

fn of_rungs(limits: &Limits) -> String {
    let mut rows = table(&["rung", "at most", "because of", "each takes (threads, files, memory)"]);
    for rung in LADDER {
        let ceiling = limits.ceiling(rung);
        let needs = rung.needs;
        let each = format!("{}, {}, {} KB", needs.threads, needs.files, needs.bytes / 1_000);
        rows.add_row([rung.name, &ceiling.in_flight.to_string(), ceiling.because, &each]);
    }
    if let Some(column) = rows.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    rows.trim_fmt()
}
