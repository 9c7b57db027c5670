//! Reading archives, friendly and hostile. Tests of past flaws are named after their advisories.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use wharf_chart::{
    Chart, Error, ErrorKind, File, Limits, Metadata, PackOptions, load_archive, load_archive_within,
    load_folder, pack, unpack_archive,
};

const CHART: &[u8] = b"apiVersion: v2\nname: demo\nversion: 1.0.0\n";

fn entry(builder: &mut tar::Builder<Vec<u8>>, name: &[u8], kind: tar::EntryType, data: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(data.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    builder.append(&header, data).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, data) in files {
        entry(&mut builder, name.as_bytes(), tar::EntryType::Regular, data);
    }
    gzip(&builder.into_inner().unwrap())
}

fn refused(name: &str) -> Error {
    load_archive(&archive(&[("demo/Chart.yaml", CHART), (name, b"x")])).unwrap_err()
}

fn loads_as(yaml: &str) -> Result<Chart, Error> {
    load_folder([File::new("Chart.yaml", yaml.as_bytes())])
}

#[test]
fn cve_2019_1000008_paths_never_leave_the_chart() {
    for (name, message) in [
        ("demo//etc/passwd", "chart illegally contains absolute paths"),
        ("demo/../../x", "chart illegally references parent directory"),
        ("demo/a/../../x", "chart illegally references parent directory"),
        ("demo/..x", "chart illegally references parent directory"),
        ("demo/c:/x", "chart contains illegally named files"),
        ("demo\\..\\..\\x", "chart illegally references parent directory"),
        ("demo\\c:\\x", "chart contains illegally named files"),
        ("demo\\/x", "chart illegally contains absolute paths"),
        ("loose", "chart illegally contains content outside the base directory: \"loose\""),
        ("demo/a/..", "chart illegally contains content outside the base directory: \"demo/a/..\""),
    ] {
        let error = refused(name);
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::UnsafePath, message), "{name}");
    }
    let error = load_folder([File::new("Chart.yaml", CHART), File::new("../x", &b""[..])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsafePath);
}

#[test]
fn cve_2019_18658_links_in_archives_are_never_followed() {
    let mut builder = tar::Builder::new(Vec::new());
    entry(&mut builder, b"demo/Chart.yaml", tar::EntryType::Regular, CHART);
    for (name, kind) in [(&b"demo/link"[..], tar::EntryType::Symlink), (b"demo/dev", tar::EntryType::Char)] {
        entry(&mut builder, name, kind, b"");
    }
    let chart = load_archive(&gzip(&builder.into_inner().unwrap())).unwrap();
    let sizes: Vec<(&str, usize)> = chart.files.iter().map(|f| (f.name.as_str(), f.data.len())).collect();
    assert_eq!(sizes, [("link", 0), ("dev", 0)]);
    assert_eq!(
        chart.warnings[0],
        "chart archive entry \"demo/link\" is no regular file and is taken as empty"
    );
}

#[test]
fn cve_2020_15184_aliases_are_plain_words() {
    let with = |alias: &str| {
        loads_as(&format!(
            "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies:\n- name: d\n  alias: {alias:?}\n"
        ))
    };
    assert!(with("good_Alias-1").is_ok());
    for alias in ["../up", "a.b", "a b", "a/b", "\u{e9}"] {
        let message = "validation: dependency \"d\" has disallowed characters in the alias";
        assert_eq!(with(alias).unwrap_err().to_string(), message);
    }
}

#[test]
fn cve_2021_21303_control_characters_and_bad_versions_are_stopped() {
    let chart = loads_as(
        "apiVersion: v2\nname: \"a\\e[31m\\u200b\"\nversion: 1.0.0\ndescription: \"x\\ty\\u202e\"\n",
    );
    let metadata = chart.unwrap().metadata;
    assert_eq!((metadata.name.as_str(), metadata.description.as_str()), ("a[31m", "x y"));
    let error = loads_as("apiVersion: v2\nname: a\nversion: \"1.0.0\\e\"\n").unwrap_err();
    assert_eq!(error.to_string(), "validation: chart.metadata.version \"1.0.0\\x1b\" is invalid");
}

#[test]
fn cve_2024_25620_a_name_is_never_a_path() {
    for name in ["../../evil", "a/b", "/etc"] {
        let error = loads_as(&format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("validation: chart.metadata.name {name:?} is invalid"));
        let chart = Chart {
            metadata: Metadata { name: name.to_owned(), version: "1.0.0".to_owned(), ..Metadata::default() },
            ..Chart::default()
        };
        assert!(pack(&chart, &PackOptions::default()).is_err());
    }
}

#[test]
fn cve_2026_35206_dot_names_are_refused() {
    for name in [".", ".."] {
        let error = loads_as(&format!("apiVersion: v2\nname: {name:?}\nversion: 1.0.0\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("validation: chart.metadata.name {name:?} is not allowed"));
    }
}

#[test]
fn cve_2025_32386_archive_bombs_are_refused_by_what_they_really_hold() {
    let limits = Limits { max_chart_bytes: 10_000, max_file_bytes: 6_000, max_files: 5, ..Limits::default() };
    let big = vec![0u8; 7_000];
    let error =
        load_archive_within(&archive(&[("demo/Chart.yaml", CHART), ("demo/x", &big)]), &limits).unwrap_err();
    let message = "decompressed chart file \"demo/x\" is larger than the maximum file size 6000";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::TooLarge, message));

    let half = &big[..5_500];
    let bytes = archive(&[("demo/Chart.yaml", CHART), ("demo/x", half), ("demo/y", half)]);
    let error = load_archive_within(&bytes, &limits).unwrap_err();
    assert_eq!(error.to_string(), "decompressed chart is larger than the maximum size 10000");

    let many: Vec<String> = (0..6).map(|n| format!("demo/f{n}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let error = load_archive_within(&archive(&many), &limits).unwrap_err();
    assert_eq!(error.to_string(), "chart has more than 5 files");

    // Names in extension entries are data too, and are unpacked before any file is seen.
    let mut builder = tar::Builder::new(Vec::new());
    entry(&mut builder, b"././@LongLink", tar::EntryType::GNULongName, &vec![b'a'; 4 << 20]);
    entry(&mut builder, b"demo/Chart.yaml", tar::EntryType::Regular, CHART);
    let error = load_archive_within(&gzip(&builder.into_inner().unwrap()), &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn cve_2025_32386_archives_in_archives_share_one_budget() {
    let limits = Limits { max_chart_bytes: 20_000, ..Limits::default() };
    let noise = vec![0u8; 15_000];
    let inner = archive(&[("inner/Chart.yaml", b"name: inner\nversion: 1.0.0\n"), ("inner/x", &noise)]);
    let outer =
        archive(&[("demo/Chart.yaml", CHART), ("demo/charts/a.tgz", &inner), ("demo/charts/b.tgz", &inner)]);
    assert!(outer.len() < 2_000);
    let error = load_archive_within(&outer, &limits).unwrap_err();
    let message =
        "error unpacking subchart b.tgz in demo: decompressed chart is larger than the maximum size 20000";
    assert_eq!(error.to_string(), message);
}

#[test]
fn charts_in_charts_end_somewhere() {
    let path = "charts/x/".repeat(40) + "Chart.yaml";
    let files: Vec<File> =
        (0..=40).map(|depth| File::new(&path[depth * 9..], &b"name: x\nversion: 1.0.0\n"[..])).collect();
    let error = load_folder(files).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().ends_with("charts are nested deeper than 32"));
}

#[test]
fn cve_2025_55198_wrong_shapes_are_errors_not_panics() {
    let shapes =
        ["null", "1", "x", "[]", "[~]", "{}", "{a: ~}", "[[]]", "[{}]", "true", "{? [a] : b}", "!!binary x"];
    let fields =
        ["name", "version", "maintainers", "dependencies", "annotations", "keywords", "deprecated", "type"];
    for shape in shapes {
        let _ = loads_as(shape);
        for field in fields {
            let _ = loads_as(&format!("apiVersion: v2\nname: a\nversion: 1.0.0\n{field}: {shape}\n"));
        }
        for name in ["Chart.lock", "requirements.yaml", "requirements.lock", "values.yaml"] {
            let _ = load_folder([File::new("Chart.yaml", CHART), File::new(name, shape.as_bytes())]);
        }
    }
    let error = loads_as("").unwrap_err();
    assert_eq!(error.to_string(), "validation: chart.metadata.name is required");
    let error = load_folder([File::new("values.yaml", &b""[..])]).unwrap_err();
    assert_eq!(error.to_string(), "Chart.yaml file is missing");
}

#[test]
fn archives_from_windows_and_with_byte_order_marks_load() {
    let bytes = archive(&[
        ("demo\\Chart.yaml", b"\xef\xbb\xbfapiVersion: v2\nname: demo\nversion: 1.0.0\n"),
        ("demo\\templates\\a.yaml", b"\xef\xbb\xbfa: b"),
        ("demo\\values.yaml", b"\xef\xbb\xbfx: 1\n"),
    ]);
    let chart = load_archive(&bytes).unwrap();
    assert_eq!(
        (chart.templates[0].name.as_str(), &*chart.templates[0].data),
        ("templates/a.yaml", &b"a: b"[..])
    );
    assert_eq!(chart.values.at("x"), Some(&1.0.into()));
}

#[test]
fn what_is_no_archive_says_so() {
    let message = |bytes: &[u8]| load_archive(bytes).unwrap_err().to_string();
    assert_eq!([message(b""), message(b"hello")], ["EOF", "unexpected EOF"]);
    assert_eq!(message(b"hello, world"), "gzip: invalid header");
    assert_eq!(message(&gzip(b"")), "no files in chart archive");
    assert_eq!(
        message(&archive(&[("Chart.yaml", CHART)])),
        "chart illegally contains content outside the base directory: \"Chart.yaml\""
    );
    let whole = archive(&[("demo/Chart.yaml", CHART), ("demo/x", &[7; 3000])]);
    assert!(message(&whole[..whole.len() / 2]).starts_with("chart archive cannot be read: "));
}

#[test]
fn subcharts_come_from_folders_and_archives_in_the_order_of_their_names() {
    let inner = archive(&[("zinner/Chart.yaml", b"apiVersion: v2\nname: zinner\nversion: 1.0.0\n")]);
    let chart = load_folder([
        File::new("Chart.yaml", CHART),
        File::new("charts/b/Chart.yaml", &b"name: b\nversion: 1.0.0\n"[..]),
        File::new("charts/a.tgz", inner),
        File::new("charts/a.tgz.prov", &b"signed"[..]),
        File::new("charts/_off/Chart.yaml", &b"broken"[..]),
        File::new("charts/.hidden", &b""[..]),
    ]);
    let chart = chart.unwrap();
    let names: Vec<&str> = chart.dependencies.iter().map(Chart::name).collect();
    assert_eq!(names, ["zinner", "b"]);
    assert_eq!(chart.dependencies[1].metadata.api_version, "v1");
    assert_eq!(chart.files[0].name, "charts/a.tgz.prov");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _ = load_archive(&bytes);
        let _ = load_archive(&gzip(&bytes));
        let mut tar = tar::Builder::new(Vec::new());
        entry(&mut tar, b"demo/Chart.yaml", tar::EntryType::Regular, CHART);
        let mut damaged = tar.into_inner().unwrap();
        for (at, byte) in bytes.iter().take(8).enumerate() {
            let place = (usize::from(*byte) * 7 + at * 131) % damaged.len();
            damaged[place] = bytes[bytes.len() - 1 - at % bytes.len()];
        }
        let _ = load_archive(&gzip(&damaged));
        let _ = load_folder([File::new("Chart.yaml", bytes.clone()), File::new("Chart.lock", bytes)]);
    }

    #[test]
    fn packed_files_come_back_as_they_were(
        files in prop::collection::btree_map("(templates|files|crds)/[a-z\u{e9}]{1,120}(/[a-z]{1,60}){0,2}\\.x", prop::collection::vec(any::<u8>(), 0..2000), 0..6)
    ) {
        let all = files.iter().map(|(name, data)| File::new(name.as_str(), data.clone()));
        let chart = load_folder(all.chain([File::new("Chart.yaml", CHART)]));
        // A file may not also be a folder.
        let Ok(chart) = chart else { return Ok(()) };
        let packed = pack(&chart, &PackOptions::default()).unwrap();
        let unpacked = unpack_archive(&packed.bytes, &Limits::default()).unwrap();
        prop_assert_eq!(unpacked.len(), files.len() + 1);
        for file in unpacked.iter().filter(|file| file.name != "Chart.yaml") {
            let data = files[&file.name].strip_prefix(b"\xef\xbb\xbf").unwrap_or(&files[&file.name]);
            prop_assert_eq!(&*file.data, data);
        }
    }
}
