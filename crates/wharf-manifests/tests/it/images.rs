use wharf_manifests::{Image, ImageReport, ImageSearch, Origin, Verdict};

use crate::{chart, rendered};

const DESCRIPTION: &str = "\
apiVersion: v2
name: shop
version: 1.0.0
appVersion: '9.1'
";

fn report(files: &[(&str, &str)], values: &[&str]) -> ImageReport {
    let chart = chart(files);
    let mut search = ImageSearch::new(&chart);
    for values in values {
        search.add(values, &rendered(&chart, values));
    }
    search.report()
}

fn image<'r>(report: &'r ImageReport, name: &str) -> &'r Image {
    let found = report.images.iter().find(|image| image.name.to_string() == name);
    found.unwrap_or_else(|| {
        panic!(
            "{name} is not among {:?}",
            report.images.iter().map(|image| image.name.to_string()).collect::<Vec<_>>()
        )
    })
}

const JOB: &str = "\
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          initContainers: [{name: wait, image: busybox}]
          containers:
          - {name: run, image: 'quay.io/shop/job:2', args: ['--helper=quay.io/shop/helper:3', 'https://quay.io/a/b:1']}
          volumes: [{name: model, image: {reference: 'quay.io/shop/model:7'}}]
";

#[test]
fn containers_of_every_kind_of_pod_are_found_with_their_place() {
    let report = report(&[("Chart.yaml", DESCRIPTION), ("templates/job.yaml", JOB)], &[""]);
    let job = image(&report, "quay.io/shop/job:2");
    assert_eq!(job.verdict, Verdict::FoundNotDeclared);
    assert_eq!(
        job.mentions[0].origin,
        Origin::Container {
            template: "shop/templates/job.yaml".to_owned(),
            resource: "CronJob/nightly".to_owned(),
            path: "spec.jobTemplate.spec.template.spec.containers[0].image".to_owned(),
            is_test: false,
        }
    );
    assert_eq!(image(&report, "docker.io/library/busybox:latest").mentions[0].text, "busybox");
    assert_eq!(image(&report, "quay.io/shop/model:7").verdict, Verdict::FoundNotDeclared);
    let helper = image(&report, "quay.io/shop/helper:3");
    assert_eq!((helper.verdict, helper.mentions[0].origin.kind()), (Verdict::Potential, "text"));
    assert!(
        !report.images.iter().any(|image| image.name.repository == "quay.io/a/b"),
        "an address is no image"
    );
    assert_eq!(report.images.len(), 4);
}

#[test]
fn custom_resources_are_searched_by_key() {
    let custom = "\
apiVersion: example.com/v1
kind: Prometheus
metadata: {name: main}
spec:
  image: quay.io/prometheus/prometheus:v3
  thanosImage: quay.io/thanos/thanos:v1
  sidecar: {repository: quay.io/shop/sidecar, tag: '4'}
  imagePullPolicy: Always
";
    let report = report(&[("Chart.yaml", DESCRIPTION), ("templates/p.yaml", custom)], &[""]);
    for name in ["quay.io/prometheus/prometheus:v3", "quay.io/thanos/thanos:v1", "quay.io/shop/sidecar:4"] {
        assert_eq!(image(&report, name).mentions[0].origin.kind(), "key", "{name}");
    }
    assert_eq!(report.images.len(), 3);
}

#[test]
fn what_the_author_lists_is_held_against_what_is_found() {
    let description = format!(
        "{DESCRIPTION}annotations:\n  artifacthub.io/images: |\n    - name: job\n      image: quay.io/shop/job:2\n    - image: \
         quay.io/shop/operand:5\n"
    );
    let lock = "apiVersion: v0\nimages:\n- name: model\n  image: quay.io/shop/model:7\n";
    let files = [("Chart.yaml", description.as_str()), ("Images.lock", lock), ("templates/job.yaml", JOB)];
    let report = report(&files, &[""]);
    assert!(report.declares);
    assert_eq!(image(&report, "quay.io/shop/job:2").verdict, Verdict::DeclaredAndFound);
    assert_eq!(image(&report, "quay.io/shop/model:7").verdict, Verdict::DeclaredAndFound);
    assert_eq!(image(&report, "quay.io/shop/operand:5").verdict, Verdict::DeclaredNotFound);
    assert_eq!(image(&report, "docker.io/library/busybox:latest").verdict, Verdict::FoundNotDeclared);
    assert!(!report.is_complete());
}

const SWITCHED: &str = "\
{{- if .Values.metrics.enabled }}
apiVersion: v1
kind: Pod
metadata: {name: metrics}
spec:
  containers:
  - name: a
    image: \"{{ .Values.metrics.image.registry }}/{{ .Values.metrics.image.repository }}:{{ .Values.metrics.image.tag | default .Chart.AppVersion }}\"
{{- end }}
";
const VALUES: &str =
    "metrics: {enabled: false, image: {registry: quay.io, repository: shop/metrics, tag: ''}}\n";

#[test]
fn a_template_that_no_render_reached_is_named_and_its_image_is_a_guess_from_the_values() {
    let files = [("Chart.yaml", DESCRIPTION), ("values.yaml", VALUES), ("templates/m.yaml", SWITCHED)];
    let one = report(&files, &[""]);
    assert_eq!(one.unreached, ["shop/templates/m.yaml"]);
    let guess = image(&one, "quay.io/shop/metrics:9.1");
    assert_eq!(guess.verdict, Verdict::Potential);
    assert!(guess.mentions[0].is_guess);

    let both = report(&files, &["", "metrics: {enabled: true}"]);
    assert!(both.unreached.is_empty());
    let found = image(&both, "quay.io/shop/metrics:9.1");
    assert_eq!(found.verdict, Verdict::FoundNotDeclared);
    assert_eq!(found.mentions[0].render.as_deref(), Some("metrics: {enabled: true}"));
    assert_eq!(found.mentions[1].origin, Origin::Values { path: "metrics.image".to_owned() });
    assert_eq!(both.images.len(), 1);
}

#[test]
fn test_hooks_are_marked() {
    let test = "\
apiVersion: v1
kind: Pod
metadata: {name: check, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: a, image: 'quay.io/shop/check:1'}]}
";
    let report = report(&[("Chart.yaml", DESCRIPTION), ("templates/t.yaml", test)], &[""]);
    let origin = &image(&report, "quay.io/shop/check:1").mentions[0].origin;
    assert!(matches!(origin, Origin::Container { is_test: true, .. }), "{origin:?}");
}
