//! Kinds of Kubernetes in versions that go away.

/// One line per kind: group version, kind, since when, until when (may be empty), what to use (may be empty).
const TABLE: &str = include_str!("deprecated.txt");

/// Says that a kind is deprecated in that version of Kubernetes, as its own warnings do.
pub(super) fn check(api_version: &str, kind: &str, kube_version: (u32, u32)) -> Result<(), String> {
    let entry = TABLE.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let rest =
            line.strip_prefix(api_version)?.strip_prefix('|')?.strip_prefix(kind)?.strip_prefix('|')?;
        let mut parts = rest.split('|');
        Some((parts.next()?, parts.next()?, parts.next()?))
    });
    let Some((since, until, instead)) = entry else { return Ok(()) };
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let since_when = since.split_once('.').map_or((0, 0), |(major, minor)| (number(major), number(minor)));
    if kube_version != (0, 0) && since_when > kube_version {
        return Ok(());
    }
    let mut text = format!("{api_version} {kind} is deprecated in v{since}+");
    if !until.is_empty() {
        text.push_str(&format!(", unavailable in v{until}+"));
    }
    if !instead.is_empty() {
        text.push_str(&format!("; use {instead}"));
    }
    Err(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deprecated_kind_is_told_with_what_to_use() {
        let told = check("policy/v1beta1", "PodDisruptionBudget", (1, 36));
        let text = "policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 \
                    PodDisruptionBudget";
        assert_eq!(told, Err(text.to_owned()));
        assert_eq!(check("policy/v1beta1", "PodDisruptionBudget", (1, 20)), Ok(()));
        assert_eq!(check("policy/v1", "PodDisruptionBudget", (1, 36)), Ok(()));
    }
}
