//! `--post-renderer`: manifests through another program, before they are shown.
//!
//! As in Helm 3: the program gets the manifests on standard input, without hooks, and gives them back on standard output. It
//! is named by a path, as Helm 3 has it, or is a plug-in of the type `postrenderer/v1`, as Helm 4 has it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{anyhow, bail};
use wharf_yaml::Value;

use super::namespace::variable;
use super::places::Places;
use crate::cobra::flags::Given;

/// The longest text that a program may give back, in bytes.
const MAX_OUTPUT: usize = 256 << 20;

/// The program that manifests pass through.
pub(super) struct PostRenderer {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(&'static str, PathBuf)>,
}

impl PostRenderer {
    /// Returns the program that the flags name, if they do.
    pub(super) fn of(given: &Given) -> anyhow::Result<Option<Self>> {
        let Some(name) = given.text("post-renderer").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let arguments = given.texts("post-renderer-args");
        if let Some(mut plugin) = plugin(&Places::of(given), name)? {
            plugin.arguments.extend(arguments.iter().cloned());
            return Ok(Some(plugin));
        }
        let Some(program) = find(name) else {
            bail!(
                "invalid argument {name:?} for \"--post-renderer\" flag: there is no program at this path or of this \
                 name, and plugin: {{Name:{name} Type:postrenderer/v1}} not found"
            )
        };
        Ok(Some(Self { program, arguments: arguments.to_vec(), environment: Vec::new() }))
    }

    /// Sends manifests through the program.
    pub(super) fn run(&self, manifests: String) -> anyhow::Result<String> {
        let name = self.program.display();
        let failed = |reason: String| {
            anyhow!("error while running post render on files: error while running command {name}. {reason}")
        };
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let mut input = child.stdin.take();
        // Written beside the reading, or both sides would wait once the pipes are full.
        let writer = std::thread::spawn(move || {
            if let Some(input) = &mut input {
                // A program that does not read to the end says what is wrong by its status.
                let _ = input.write_all(manifests.as_bytes());
            }
        });
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        let _ = writer.join();
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            return Err(failed(format!("error output:\n{told}: {}", output.status)));
        }
        if output.stdout.len() > MAX_OUTPUT {
            return Err(failed(format!("it gave back more than {MAX_OUTPUT} bytes")));
        }
        if output.stdout.trim_ascii().is_empty() {
            bail!("error while running post render on files: post-renderer {name} produced empty output");
        }
        String::from_utf8(output.stdout).map_err(|_| failed("what it gave back is not UTF-8".to_owned()))
    }
}

/// Finds a program: a path, or a name on the search path.
fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return std::path::absolute(name).ok().filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Finds a plug-in of that name that renders manifests again.
fn plugin(places: &Places, name: &str) -> anyhow::Result<Option<PostRenderer>> {
    let folders = variable("HELM_PLUGINS").map_or_else(|| places.data.join("plugins"), PathBuf::from);
    for folder in std::env::split_paths(&folders) {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let folder = entry.path();
            let Ok(text) = std::fs::read(folder.join("plugin.yaml")) else { continue };
            // Two readers must not see two plug-ins in one description (CVE-2020-15187).
            let Ok(description) = wharf_yaml::Reader::new().strict(true).read(&text) else { continue };
            let says = |key: &str, wanted: &str| matches!(description.at(key), Some(Value::String(text)) if **text == *wanted);
            if !says("name", name) || !says("type", "postrenderer/v1") {
                continue;
            }
            if !says("runtime", "subprocess") {
                bail!("plugin {name} in {} does not run as a program of its own", folder.display());
            }
            return command(&description, &folder, name).map(Some);
        }
    }
    Ok(None)
}

/// Returns the command that a plug-in has for this machine: that for its system and processor, for its system, for any.
fn command(description: &Value, folder: &Path, name: &str) -> anyhow::Result<PostRenderer> {
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.to_string(),
        _ => String::new(),
    };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let commands = match description.at("runtimeConfig").and_then(|config| config.at("platformCommand")) {
        Some(Value::List(commands)) => commands.to_vec(),
        _ => Vec::new(),
    };
    let wanted = [(system, arch), (system, ""), ("", "")];
    let is_for = |command: &&Value, (system, arch): (&str, &str)| {
        text(command.at("os")).eq_ignore_ascii_case(system)
            && text(command.at("arch")).eq_ignore_ascii_case(arch)
    };
    let found =
        wanted.into_iter().find_map(|platform| commands.iter().find(|command| is_for(command, platform)));
    let Some(found) = found else { bail!("plugin {name} has no command for {system}/{arch}") };
    let expanded = |text: String| {
        let folder = folder.display().to_string();
        text.replace("${HELM_PLUGIN_DIR}", &folder).replace("$HELM_PLUGIN_DIR", &folder)
    };
    let program = expanded(text(found.at("command")));
    let mut words = program.split_whitespace().map(str::to_owned);
    let Some(program) = words.next() else { bail!("plugin {name} has an empty command") };
    let mut arguments: Vec<String> = words.collect();
    if let Some(Value::List(more)) = found.at("args") {
        arguments.extend(more.iter().map(|argument| expanded(text(Some(argument)))));
    }
    let Some(program) = find(&program) else { bail!("plugin {name}: there is no program {program}") };
    Ok(PostRenderer { program, arguments, environment: vec![("HELM_PLUGIN_DIR", folder.to_owned())] })
}
