//! What lies in `deploy/`: rules, dashboard and chart speak of what the server really has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Registry;

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(file)
}

fn read(file: &str) -> String {
    std::fs::read_to_string(deploy(file)).unwrap()
}

/// Returns every word of a text that is the name of a metric.
fn metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("registry_"))
        .collect()
}

#[tokio::test]
async fn rules_and_dashboard_name_metrics_that_exist() {
    let registry = Registry::start().await;
    registry.push_image("shop/a", "v1", b"layer").await;
    registry.get("/v2/shop/a/manifests/v1").await;
    let shown = registry.get("/metrics").await.text().await.unwrap();
    let families: BTreeSet<_> =
        shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for file in ["alerts.yaml", "grafana-dashboard.json"] {
        let text = read(file);
        let named = metrics(&text);
        assert!(named.len() > 5, "{file} names {named:?}");
        for name in named {
            let family = ["_total", "_bucket", "_info"].iter().find_map(|suffix| name.strip_suffix(suffix));
            assert!(families.contains(family.unwrap_or(name)), "{file}: {name} is none of {families:?}");
        }
    }
    serde_json::from_str::<serde_json::Value>(&read("grafana-dashboard.json")).unwrap();
}

#[test]
fn the_chart_carries_the_same_rules() {
    assert_eq!(read("alerts.yaml"), read("chart/wharf/alerts.yaml"));
}

/// What the chart writes as the server's configuration is one that the server takes.
#[test]
fn the_chart_renders_with_helm_and_its_configuration_is_understood() {
    let helm = std::env::var_os("WHARF_PEERS").map(|peers| Path::new(&peers).join("bin/helm"));
    let Some(helm) = helm.filter(|helm| helm.is_file()) else {
        // The chores look for this word and count it.
        eprintln!("skipped: helm is not installed in WHARF_PEERS");
        return;
    };
    for more in [
        vec![],
        vec![
            "--set",
            "ingress.enabled=true,ingress.tlsSecret=x,tls.existingSecret=y,persistence.enabled=false,\
             metrics.serviceMonitor.enabled=true,metrics.rules.enabled=true,config.gc.untagged=true,\
             config.limits.page=50,config.limits.manifest=8MiB",
        ],
    ] {
        let rendered = Command::new(&helm)
            .args(["template", "wharf"])
            .arg(deploy("chart/wharf"))
            .args(more.iter().map(|text| text.replace(' ', "")))
            .output()
            .unwrap();
        assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
        let text = String::from_utf8(rendered.stdout).unwrap();
        let toml: String = text
            .lines()
            .skip_while(|line| !line.contains("wharf.toml: |"))
            .skip(1)
            .take_while(|line| line.starts_with("    "))
            .map(|line| format!("{line}\n"))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wharf.toml");
        std::fs::write(&file, &toml).unwrap();
        let loaded = wharf_registry::config::Effective::load(folder.path(), Some(&file), |_| None, &[]);
        let config = loaded.unwrap_or_else(|error| panic!("{error}\n{toml}")).config;
        assert_eq!(config.shutdown_timeout.as_secs(), 60);
        if !more.is_empty() {
            assert_eq!((config.page_size, config.manifest_bytes), (50, 8 << 20));
            assert_eq!(config.external_url.as_deref(), Some("https://registry.example.com"));
            assert!(text.contains("kind: PrometheusRule") && text.contains("kind: ServiceMonitor"));
        }
    }
}
