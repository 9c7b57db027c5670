//! The clients, and the words by which each does the same.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::fixture::{Fixture, TAG};
use crate::bench::lab::Lab;
use crate::peers;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Wharf,
    Oras,
    Crane,
    Skopeo,
    Regctl,
}

/// A client and its program.
pub(super) struct Tool {
    pub(super) name: Name,
    program: PathBuf,
}

/// What is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Image,
    /// Many artifacts of one repository.
    Small,
    Index,
    /// The index alone, without what is attached.
    IndexAlone,
}

/// One of the three ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the first registry to a new folder.
    Pull,
    /// From the folder that the same client pulled to a new repository of the first registry.
    Push,
    /// From the first registry to a new repository of the second.
    Copy,
}

/// One thing to do.
pub(super) struct Job<'a> {
    pub(super) what: What,
    pub(super) way: Way,
    /// The repository that the content is in, at the first registry.
    pub(super) source: &'a str,
    /// The repository to write to.
    pub(super) destination: &'a str,
    /// The folder to pull to and to push from.
    pub(super) folder: &'a Path,
    pub(super) fixture: &'a Fixture,
}

impl Tool {
    /// Returns the clients that are there, Wharf first, and says which are not.
    pub(super) fn all(wharf: PathBuf) -> Vec<Self> {
        let mut all = vec![Self { name: Name::Wharf, program: wharf }];
        for (name, program) in
            [(Name::Oras, "oras"), (Name::Crane, "crane"), (Name::Skopeo, "skopeo"), (Name::Regctl, "regctl")]
        {
            match peers::program(program) {
                Ok(program) => all.push(Self { name, program }),
                Err(reason) => println!("without {program}: {reason}"),
            }
        }
        all
    }

    pub(super) fn title(&self) -> String {
        format!("{:?}", self.name)
    }

    /// Whether it carries what is attached.
    pub(super) fn knows_papers(&self) -> bool {
        !matches!(self.name, Name::Crane | Name::Skopeo)
    }

    /// Makes ready what is not measured.
    pub(super) fn prepare(&self, job: &Job<'_>) -> Result<()> {
        let tags: Vec<&str> = job.fixture.tags.iter().map(|(tag, _)| tag.as_str()).collect();
        fs::write(job.folder.with_extension("tags"), tags.join("\n"))?;
        if (self.name, job.what, job.way) == (Name::Crane, What::Small, Way::Push) {
            // It pushes one artifact from a folder: each gets one.
            for (tag, digest) in &job.fixture.tags {
                one(job, tag, digest)?;
            }
        }
        Ok(())
    }

    /// Returns the command. Where a client has none for many artifacts it is run once for each, as many at once as
    /// there are processors.
    pub(super) fn command(&self, lab: &Lab, job: &Job<'_>) -> Result<Command> {
        let (from, to) = (lab.host(0), lab.host(usize::from(job.way == Way::Copy)));
        let folder = job.folder.display().to_string();
        let many = job.what == What::Small;
        let (source, destination) = (format!("{from}/{}", job.source), format!("{to}/{}", job.destination));
        // Each place, of one artifact or of those that `{}` stands for.
        let tag = if many { "{}" } else { TAG };
        let (source_tag, destination_tag) = (format!("{source}:{tag}"), format!("{destination}:{tag}"));
        let mut words: Vec<String> = Vec::new();
        let mut each = many;
        let papers = job.what == What::Index;
        match self.name {
            Name::Wharf => {
                each = false;
                let end = if many { String::new() } else { format!(":{TAG}") };
                words.push("cp".to_owned());
                words.push(match job.way {
                    Way::Push => format!("layout:{folder}{end}"),
                    Way::Pull | Way::Copy => format!("{source}{end}"),
                });
                words.push(match job.way {
                    Way::Pull => format!("layout:{folder}{end}"),
                    Way::Push | Way::Copy => format!("{destination}{end}"),
                });
                if many {
                    words.push("--all-tags".to_owned());
                }
                if job.what == What::IndexAlone {
                    words.push("--no-papers".to_owned());
                }
            }
            Name::Oras if many && job.way == Way::Pull => {
                each = false;
                words.extend(
                    ["backup", "--no-tty", "--plain-http", "--output", &folder, &source].map(str::to_owned),
                );
            }
            Name::Oras if many && job.way == Way::Push => {
                each = false;
                words.extend(
                    ["restore", "--no-tty", "--plain-http", "--input", &folder, &destination]
                        .map(str::to_owned),
                );
            }
            Name::Oras => {
                words.extend(["cp", "--no-tty"].map(str::to_owned));
                words.extend(papers.then(|| "-r".to_owned()));
                words.extend(match job.way {
                    Way::Push => ["--from-oci-layout".to_owned(), format!("{folder}:{tag}")],
                    Way::Pull | Way::Copy => ["--from-plain-http".to_owned(), source_tag],
                });
                words.extend(match job.way {
                    Way::Pull => ["--to-oci-layout".to_owned(), format!("{folder}:{tag}")],
                    Way::Push | Way::Copy => ["--to-plain-http".to_owned(), destination_tag],
                });
            }
            Name::Crane => match job.way {
                Way::Pull if many => {
                    each = false;
                    words.extend(["pull", "--insecure", "--format", "oci"].map(str::to_owned));
                    words.extend(job.fixture.tags.iter().map(|(tag, _)| format!("{source}:{tag}")));
                    words.push(folder);
                }
                Way::Pull => {
                    words.extend(["pull", "--insecure", "--format", "oci"].map(str::to_owned));
                    words.extend([source_tag, folder]);
                }
                Way::Push if many => {
                    let folder = format!("{folder}.one/{{}}");
                    words.extend(["push".to_owned(), "--insecure".to_owned(), folder, destination_tag]);
                }
                Way::Push => {
                    words.extend(["push".to_owned(), "--insecure".to_owned(), folder, destination_tag]);
                }
                Way::Copy if many => {
                    each = false;
                    words.extend(
                        ["copy", "--insecure", "--all-tags", &source, &destination].map(str::to_owned),
                    );
                }
                Way::Copy => {
                    words.extend(["copy".to_owned(), "--insecure".to_owned(), source_tag, destination_tag]);
                }
            },
            Name::Skopeo => {
                let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"].map(str::to_owned);
                let command = if many { "sync" } else { "copy" };
                words.extend([command.to_owned(), "--all".to_owned(), "--preserve-digests".to_owned()]);
                if many {
                    each = false;
                    let repository = job.source.rsplit('/').next().unwrap_or_default();
                    let parent = job.destination.rsplit_once('/').map_or("", |(parent, _)| parent);
                    let (src, dest) = match job.way {
                        Way::Pull => (("docker", source), ("dir", folder)),
                        Way::Push => (("dir", folder), ("docker", format!("{to}/{parent}"))),
                        Way::Copy => (("docker", source), ("docker", format!("{to}/{parent}"))),
                    };
                    debug_assert_eq!(job.destination.rsplit('/').next(), Some(repository));
                    words.extend(tls);
                    words.extend([
                        "--src".to_owned(),
                        src.0.to_owned(),
                        "--dest".to_owned(),
                        dest.0.to_owned(),
                    ]);
                    words.extend([src.1, dest.1]);
                } else {
                    let [from_tls, to_tls] = tls;
                    words.extend((job.way != Way::Push).then_some(from_tls));
                    words.extend((job.way != Way::Pull).then_some(to_tls));
                    words.push(match job.way {
                        Way::Push => format!("oci:{folder}:{TAG}"),
                        Way::Pull | Way::Copy => format!("docker://{source_tag}"),
                    });
                    words.push(match job.way {
                        Way::Pull => format!("oci:{folder}:{TAG}"),
                        Way::Push | Way::Copy => format!("docker://{destination_tag}"),
                    });
                }
            }
            Name::Regctl => {
                for host in [&from, &to] {
                    words.extend(["--host".to_owned(), format!("reg={host},tls=disabled")]);
                }
                words.extend(["image", "copy"].map(str::to_owned));
                words.extend(papers.then(|| "--referrers".to_owned()));
                words.push(match job.way {
                    Way::Push => format!("ocidir://{folder}:{tag}"),
                    Way::Pull | Way::Copy => source_tag,
                });
                words.push(match job.way {
                    Way::Pull => format!("ocidir://{folder}:{tag}"),
                    Way::Push | Way::Copy => destination_tag,
                });
            }
        }
        if !each {
            let mut command = lab.command(&self.program);
            command.args(words);
            return Ok(command);
        }
        // Two at once would write over each other's index in a folder.
        let at_once = if job.way == Way::Pull { 1 } else { std::thread::available_parallelism()?.get() };
        let mut command = lab.command(Path::new("xargs"));
        command.args(["-P", &at_once.to_string(), "-I", "{}"]).arg(&self.program).args(words);
        command.stdin(Stdio::from(File::open(job.folder.with_extension("tags"))?));
        Ok(command)
    }
}

/// Writes a layout of one artifact, its blobs being those of the large one.
fn one(job: &Job<'_>, tag: &str, digest: &str) -> Result<()> {
    let root = PathBuf::from(format!("{}.one", job.folder.display())).join(tag);
    let blobs = root.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let all = job.fixture.layout.join("blobs/sha256");
    let bytes = fs::read(all.join(&digest["sha256:".len()..]))?;
    let manifest: serde_json::Value = serde_json::from_slice(&bytes)?;
    let digests = [&manifest["config"]["digest"], &manifest["layers"][0]["digest"]];
    let digests = digests.into_iter().filter_map(serde_json::Value::as_str).chain([digest]);
    for digest in digests {
        let hex = &digest["sha256:".len()..];
        fs::hard_link(all.join(hex), blobs.join(hex))?;
    }
    let entry = serde_json::json!({
        "mediaType": manifest["mediaType"], "digest": digest, "size": bytes.len(),
    });
    fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [entry] });
    fs::write(root.join("index.json"), index.to_string())?;
    Ok(())
}
