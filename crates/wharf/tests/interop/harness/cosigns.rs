//! Wharf, cosign 3.1 and cosign 2.6 on one registry, in one home.

use std::path::PathBuf;

use super::{Image, PASSWORD, Registry, Sandbox, Transport, USER, peer};

/// Who carries out a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Wharf,
    Cosign3,
    Cosign2,
}

/// Where signatures are laid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Bundles as referrers.
    Bundles,
    /// Sibling tags.
    Tags,
}

impl Layout {
    pub(crate) const BOTH: [Self; 2] = [Self::Bundles, Self::Tags];
}

/// What cosign 2.6 must be told to verify bundles: that they are some, and a trusted root, although a key alone needs none.
pub(crate) const COSIGN2_BUNDLES: [&str; 3] = [
    "--new-bundle-format=true",
    "--trusted-root",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../wharf-trust/data/sigstore-public-good.json"),
];

/// The tools, logged in to a registry.
pub(crate) struct Cosigns {
    pub(crate) registry: Registry,
    pub(crate) home: Sandbox,
    cosign3: Sandbox,
    cosign2: Option<Sandbox>,
    crane: Sandbox,
}

impl Cosigns {
    /// Without cosign 3.1 or crane there is nothing to compare; cosign 2.6 may be missing.
    pub(crate) fn new() -> Option<Self> {
        let (cosign3, crane, cosign2) = (peer("cosign")?, peer("crane")?, peer("cosign-2"));
        let registry = Registry::start(Transport::Plain);
        let home = Sandbox::new(env!("CARGO_BIN_EXE_wharf").into(), &registry);
        let with = |program: PathBuf| home.with_program(program);
        let (cosign3, cosign2, crane) = (with(cosign3), cosign2.map(with), home.with_program(crane));
        crane.run(&["auth", "login", &registry.host(), "-u", USER, "-p", PASSWORD, "--insecure"]);
        Some(Self { registry, home, cosign3, cosign2, crane })
    }

    /// Those that are there.
    pub(crate) fn tools(&self) -> Vec<Tool> {
        let all = [Tool::Wharf, Tool::Cosign3, Tool::Cosign2];
        all.into_iter().filter(|tool| *tool != Tool::Cosign2 || self.cosign2.is_some()).collect()
    }

    /// Runs a command of cosign's.
    pub(crate) fn run(&self, tool: Tool, arguments: &[&str]) -> Result<String, String> {
        match tool {
            Tool::Wharf => self.home.attempt(&[&["cosign"], arguments].concat()),
            Tool::Cosign3 => self.cosign3.attempt(arguments),
            Tool::Cosign2 => self.cosign2.as_ref().expect("one of `tools`").attempt(arguments),
        }
    }

    /// Signs or attests without any service.
    #[track_caller]
    pub(crate) fn sign(&self, tool: Tool, layout: Layout, command: &str, more: &[&str]) {
        let format = format!("--new-bundle-format={}", layout == Layout::Bundles);
        let mut line = vec![command, "--yes", "--allow-http-registry", "--tlog-upload=false", &format];
        // cosign 2.6 asks no service unless told to.
        if tool != Tool::Cosign2 {
            line.push("--use-signing-config=false");
        }
        line.extend(more);
        self.run(tool, &line).unwrap();
    }

    /// Verifies images.
    pub(crate) fn verify(
        &self,
        tool: Tool,
        layout: Layout,
        command: &str,
        more: &[&str],
    ) -> Result<String, String> {
        let mut line = vec![command, "--allow-http-registry", "--insecure-ignore-tlog=true"];
        if tool == Tool::Cosign2 && layout == Layout::Bundles {
            line.extend(COSIGN2_BUNDLES);
        }
        line.extend(more);
        self.run(tool, &line)
    }

    /// Pushes an image with this text in it and returns its digest.
    pub(crate) fn push(&self, reference: &str, text: &str) -> String {
        let image = Image::with(text);
        let folder = self.home.folder().join(format!("layout-{}", image.digest().replace(':', "-")));
        image.write_layout(&folder, "1");
        self.crane.run(&["push", &folder.display().to_string(), reference, "--insecure"]);
        image.digest()
    }

    pub(crate) fn crane(&self, arguments: &[&str]) -> String {
        self.crane.run(&[arguments, &["--insecure"]].concat())
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.home.folder().join(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.folder().join(name)).unwrap()
    }
}
