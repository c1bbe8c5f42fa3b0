//! `cargo xtask regtests DIR`: HAProxy's regression suite, as the user has checked it out, against lbproxy.
//!
//! Owns: finding the files, running each with VTest, and what is printed of it. Nothing of the suite is part of this
//! repository, and nothing here knows what any of its files asks for: a file passes when VTest says so.
//! Leaves to others: judging what a failure means (`--keep DIR` leaves VTest's logs).

mod report;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use clap::Args;

use crate::{Outcome, run};

/// What the suite's own driver passes: poisoned memory, processes may be forked, warnings are fatal.
const PROXY_ARGUMENTS: &str = "-dM -dI -dW";
/// VTest's exit status for a file that asked for something that the binary does not have.
const SKIPPED: i32 = 77;
/// Added to VTest's own limit before it is ended by force.
const GRACE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The suite: a checkout of HAProxy's sources, its `reg-tests`, or a folder or file below.
    dir: PathBuf,
    /// The VTest program.
    #[arg(long, default_value = "vtest", value_name = "PATH")]
    vtest: PathBuf,
    /// The proxy to test in place of ours.
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Files at a time.
    #[arg(short, long, default_value_t = 2)]
    jobs: usize,
    /// Seconds that one file may take.
    #[arg(long, default_value_t = 10, value_name = "S")]
    timeout: u64,
    /// Print the results as JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Leave VTest's logs of failed files there.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Do not build lbproxy first; use what is there.
    #[arg(long)]
    no_build: bool,
}

/// How a file ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Passed,
    Skipped,
    Failed,
}

/// One file's outcome.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Below the suite, with `/`.
    pub(crate) file: String,
    pub(crate) verdict: Verdict,
    pub(crate) seconds: f64,
    /// The first line of VTest's log that says what went wrong.
    pub(crate) why: String,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let program = program(options)?;
    let suite = suite(&options.dir)?;
    let mut files = Vec::new();
    collect(&options.dir.canonicalize().map_err(|e| unreadable(&options.dir, &e))?, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(format!("there is no .vtc file in {}", options.dir.display()));
    }
    let scratch = std::env::temp_dir().join(format!("xtask-regtests-{}", std::process::id()));
    let logs = options.keep.clone().unwrap_or_else(|| scratch.clone());
    fs::create_dir_all(&logs).map_err(|e| unreadable(&logs, &e))?;
    let logs = logs.canonicalize().map_err(|e| unreadable(&logs, &e))?;
    let stage = Stage { vtest: &options.vtest, program, suite, logs, limit: options.timeout };
    let rows = all(&stage, &files, options.jobs.max(1));
    let _ = fs::remove_dir_all(&scratch);
    let rows = rows?;
    report::print(&rows, options.json);
    match rows.iter().filter(|r| r.verdict == Verdict::Failed).count() {
        0 => Ok(()),
        n => Err(format!("{n} of {} files fail", rows.len())),
    }
}

/// The proxy under test: named, or ours, built first.
fn program(options: &Options) -> Result<PathBuf, String> {
    let path = match &options.program {
        Some(p) => p.clone(),
        None if options.no_build => run::target().join("fast").join("lbproxy"),
        None => run::build_daemons()?.join("lbproxy"),
    };
    path.canonicalize().map_err(|e| unreadable(&path, &e))
}

/// The folder from which the suite's files name each other: the one above `reg-tests`.
fn suite(dir: &Path) -> Result<PathBuf, String> {
    let dir = dir.canonicalize().map_err(|e| unreadable(dir, &e))?;
    let above = dir.ancestors().find(|a| a.file_name().is_some_and(|n| n == "reg-tests"));
    Ok(above.and_then(Path::parent).map_or_else(
        || if dir.is_dir() { dir.clone() } else { dir.parent().unwrap_or(&dir).to_path_buf() },
        Path::to_path_buf,
    ))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    if path.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    // Of a whole checkout only the suite counts.
    let inner = path.join("reg-tests");
    let path = if inner.is_dir() { inner.as_path() } else { path };
    for entry in fs::read_dir(path).map_err(|e| unreadable(path, &e))? {
        let entry = entry.map_err(|e| unreadable(path, &e))?.path();
        if entry.is_dir() {
            collect(&entry, files)?;
        } else if entry.extension().is_some_and(|e| e == "vtc") {
            files.push(entry);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, e: &std::io::Error) -> String {
    format!("{}: {e}", path.display())
}

/// What every file is run with.
struct Stage<'a> {
    vtest: &'a Path,
    program: PathBuf,
    suite: PathBuf,
    logs: PathBuf,
    limit: u64,
}

/// Runs all files, some at a time; rows come in the order of the files.
fn all(stage: &Stage<'_>, files: &[PathBuf], jobs: usize) -> Result<Vec<Row>, String> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((i, file)) =
                    Some(next.fetch_add(1, Relaxed)).and_then(|i| Some((i, files.get(i)?)))
                {
                    let row = stage.one(file);
                    done.lock().unwrap_or_else(|e| e.into_inner()).push((i, row));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, row)| row).collect()
}

impl Stage<'_> {
    /// # Errors
    /// VTest cannot be started.
    fn one(&self, file: &Path) -> Result<Row, String> {
        let name = file.strip_prefix(&self.suite).unwrap_or(file).to_string_lossy().into_owned();
        let log = self.logs.join(format!("{}.log", name.replace('/', "_")));
        let out = File::create(&log).map_err(|e| unreadable(&log, &e))?;
        let err = out.try_clone().map_err(|e| unreadable(&log, &e))?;
        let start = Instant::now();
        let mut child = Command::new(self.vtest)
            .args(["-b", "2097152", "-k", "-L", "-t", &self.limit.to_string()])
            .arg(file.strip_prefix(&self.suite).unwrap_or(file))
            .current_dir(&self.suite)
            .env("HAPROXY_PROGRAM", &self.program)
            .env("HAPROXY_ARGS", PROXY_ARGUMENTS)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|e| {
                format!("cannot start {}: {e}; give the program with --vtest", self.vtest.display())
            })?;
        let deadline = start + Duration::from_secs(self.limit) + GRACE;
        let code = loop {
            match child.try_wait().map_err(|e| e.to_string())? {
                Some(status) => break status.code(),
                None if Instant::now() >= deadline => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break None;
                }
                None => std::thread::sleep(POLL),
            }
        };
        let verdict = match code {
            Some(0) => Verdict::Passed,
            Some(SKIPPED) => Verdict::Skipped,
            _ => Verdict::Failed,
        };
        let seconds = start.elapsed().as_secs_f64();
        let why = match verdict {
            Verdict::Failed => {
                report::first_failure(&String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()))
            }
            _ => {
                let _ = fs::remove_file(&log);
                String::new()
            }
        };
        Ok(Row { file: name, verdict, seconds, why })
    }
}
