//! Who holds a lock: enough to know, on the same machine, that the process is dead.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// This process, in a way that outlives it: process numbers are used again, start times within one boot are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user: String,
    pub host: String,
    pub pid: u32,
    /// Unknown where there is no `/proc`: then nobody is ever held to be dead.
    life: Option<Life>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Life {
    boot: String,
    pid_namespace: String,
    /// Clock ticks from boot to the process's start.
    started: u64,
}

impl Identity {
    pub fn of_this_process() -> Self {
        let pid = std::process::id();
        let line = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned());
        let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            user: environment("USER")
                .or_else(|| environment("LOGNAME"))
                .unwrap_or_else(|| "unknown".to_owned()),
            host: line("/proc/sys/kernel/hostname")
                .ok()
                .or_else(|| environment("HOSTNAME"))
                .unwrap_or_else(|| "unknown".to_owned()),
            pid,
            life: Life::of_this_process(pid),
        }
    }

    /// Reads what [`fmt::Display`] wrote; another program's holder has no such form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (user, rest) = words.next()?.rsplit_once('@')?;
        let (host, pid) = rest.rsplit_once('/')?;
        let field = |word: Option<&str>, name: &str| {
            word.and_then(|word| word.strip_prefix(name).map(str::to_owned))
        };
        let life = (|| {
            Some(Life {
                boot: field(words.next(), "boot:")?,
                pid_namespace: field(words.next(), "ns:")?,
                started: field(words.next(), "start:")?.parse().ok()?,
            })
        })();
        Some(Self {
            user: user.to_owned(),
            host: host.to_owned(),
            pid: pid.parse().ok()?,
            life,
        })
    }

    /// True only where it can be known: same boot, same process namespace, and no process of that number and start.
    pub fn is_dead(&self, observer: &Self) -> bool {
        self.is_dead_in(observer, Path::new("/proc"))
    }

    fn is_dead_in(&self, observer: &Self, proc: &Path) -> bool {
        let (Some(life), Some(here)) = (&self.life, &observer.life) else {
            return false;
        };
        life.boot == here.boot
            && life.pid_namespace == here.pid_namespace
            && match look(proc, self.pid) {
                Seen::Started(at) => at != life.started,
                Seen::Absent => {
                    look(proc, observer.pid) == Seen::Started(here.started) && shows_all(proc)
                }
                Seen::Unreadable => false,
            }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}/{}", self.user, self.host, self.pid)?;
        match &self.life {
            Some(life) => write!(
                f,
                " boot:{} ns:{} start:{}",
                life.boot, life.pid_namespace, life.started
            ),
            None => Ok(()),
        }
    }
}

impl Life {
    fn of_this_process(pid: u32) -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        let digits = namespace.to_str()?.chars().filter(char::is_ascii_digit);
        Some(Self {
            boot: boot.trim().to_owned(),
            pid_namespace: digits.collect(),
            started: match look(Path::new("/proc"), pid) {
                Seen::Started(at) => at,
                Seen::Absent | Seen::Unreadable => return None,
            },
        })
    }
}

/// What `/proc` says of a process number.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// A process, started so many clock ticks after boot.
    Started(u64),
    Absent,
    Unreadable,
}

fn look(proc: &Path, pid: u32) -> Seen {
    match fs::read_to_string(proc.join(pid.to_string()).join("stat")) {
        Ok(stat) => started(&stat).map_or(Seen::Unreadable, Seen::Started),
        Err(error) if error.kind() == ErrorKind::NotFound => Seen::Absent,
        Err(_) => Seen::Unreadable,
    }
}

/// Field 22 of `stat`; the second one is a name in brackets that may hold anything.
fn started(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// Mounted with `hidepid`, other users' processes look absent.
fn shows_all(proc: &Path) -> bool {
    let Ok(mounts) = fs::read_to_string(proc.join("self").join("mounts")) else {
        return false;
    };
    let mut options = mounts.lines().filter_map(|mount| {
        let words: Vec<&str> = mount.split(' ').collect();
        match words[..] {
            [_, at, "proc", options, ..] if Path::new(at) == proc => Some(options),
            _ => None,
        }
    });
    let hides = |options: &str| {
        let how = options.split(',').find_map(|o| o.strip_prefix("hidepid="));
        how.is_some_and(|how| how != "0" && how != "off")
    };
    // What is mounted last lies on top.
    options.next_back().is_some_and(|options| !hides(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, boot: &str, started: u64) -> Identity {
        Identity {
            user: "ada".into(),
            host: "laptop".into(),
            pid,
            life: Some(Life {
                boot: boot.into(),
                pid_namespace: "4026531836".into(),
                started,
            }),
        }
    }

    fn proc_with(processes: &[(u32, u64)], options: &str) -> tempfile::TempDir {
        let proc = tempfile::tempdir().unwrap();
        let fields = vec!["0"; 18].join(" ");
        for (pid, started) in processes {
            let dir = proc.path().join(pid.to_string());
            fs::create_dir(&dir).unwrap();
            let stat = format!("{pid} (a) b) S {fields} {started} 0");
            fs::write(dir.join("stat"), stat).unwrap();
        }
        let at = proc.path().display();
        fs::create_dir(proc.path().join("self")).unwrap();
        let mounts = format!("none / ext4 rw 0 0\nproc {at} proc {options} 0 0\n");
        fs::write(proc.path().join("self/mounts"), mounts).unwrap();
        proc
    }

    #[test]
    fn an_identity_reads_back() {
        for identity in [process(7, "b", 42), Identity::of_this_process()] {
            assert_eq!(Identity::parse(&identity.to_string()), Some(identity));
        }
        assert_eq!(Identity::parse("kube-scheduler_1f"), None);
    }

    #[test]
    fn dead_is_only_what_can_be_known_to_be() {
        let observer = process(1, "this-boot", 1);
        let proc = proc_with(&[(1, 1), (7, 42)], "rw,nosuid");
        let dead = |holder: &Identity| holder.is_dead_in(&observer, proc.path());
        assert!(!dead(&process(7, "this-boot", 42)), "alive");
        assert!(
            dead(&process(7, "this-boot", 41)),
            "its number was used again"
        );
        assert!(dead(&process(8, "this-boot", 42)), "gone");
        assert!(!dead(&process(8, "another-boot", 42)), "another machine");
    }

    #[test]
    fn what_proc_may_hide_is_not_dead() {
        let observer = process(1, "this-boot", 1);
        let gone = process(8, "this-boot", 42);
        for (options, expected) in [
            ("rw", true),
            ("rw,hidepid=0", true),
            ("rw,hidepid=off,gid=4", true),
            ("rw,hidepid=2", false),
            ("rw,hidepid=invisible", false),
        ] {
            let proc = proc_with(&[(1, 1)], options);
            let dead = gone.is_dead_in(&observer, proc.path());
            assert_eq!(dead, expected, "{options}");
        }
        let blind = proc_with(&[], "rw");
        assert!(!gone.is_dead_in(&observer, blind.path()), "not even us");
        let unmounted = proc_with(&[(1, 1)], "rw");
        fs::write(unmounted.path().join("self/mounts"), "").unwrap();
        assert!(!gone.is_dead_in(&observer, unmounted.path()), "not a proc");
    }

    #[test]
    fn an_unreadable_process_is_not_dead() {
        let observer = process(1, "this-boot", 1);
        let proc = proc_with(&[(1, 1), (7, 42)], "rw");
        let stat = proc.path().join("7/stat");
        fs::remove_file(&stat).unwrap();
        // No file that a read brings text from, whoever runs this test.
        fs::create_dir(&stat).unwrap();
        assert!(!process(7, "this-boot", 41).is_dead_in(&observer, proc.path()));
    }

    #[test]
    fn this_process_is_alive() {
        let this = Identity::of_this_process();
        assert!(!this.is_dead(&this));
    }
}
