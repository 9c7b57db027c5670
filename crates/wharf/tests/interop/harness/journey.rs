//! The journey that every client walks.

use std::collections::BTreeMap;

/// What was pushed or pulled: bytes by name (digests for images, file names for files).
pub(crate) type Content = BTreeMap<String, Vec<u8>>;

/// A client program, seen from the journey. Repositories are `PROJECT/NAME`, without the host.
pub(crate) trait Client {
    fn login(&self);
    fn logout(&self);
    /// What [`Client::push`] sends.
    fn content(&self) -> Content;
    /// Pushes the content and returns the digest of its manifest.
    fn push(&self, repository: &str, tag: &str) -> Result<String, String>;
    /// Lists the tags; `None` if the client cannot.
    fn tags(&self, repository: &str) -> Option<Vec<String>>;
    /// Pulls by tag or by digest.
    fn pull(&self, repository: &str, reference: &str) -> Result<Content, String>;
    /// Deletes the manifest, by the tag or the digest as the client prefers.
    fn delete(&self, repository: &str, tag: &str, digest: &str);
}

/// Pushes, lists, pulls and deletes; then tries what an anonymous user may and may not do.
///
/// `tag` is the one tag the content can have (a chart's version), so that every client can walk.
pub(crate) fn walk(client: &impl Client, tag: &str) {
    let content = client.content();
    client.login();
    let digest = client.push("closed/team/app", tag).unwrap();
    assert_eq!(client.push("closed/team/app", tag).unwrap(), digest, "a second push changes nothing");
    if let Some(tags) = client.tags("closed/team/app") {
        assert_eq!(tags, [tag], "the list of tags");
    }
    assert_same(&client.pull("closed/team/app", tag).unwrap(), &content, "pulled by tag");
    assert_same(&client.pull("closed/team/app", &digest).unwrap(), &content, "pulled by digest");
    assert_eq!(
        client.push("open/app", tag).unwrap(),
        digest,
        "the same content has the same digest elsewhere"
    );

    client.logout();
    assert_same(&client.pull("open/app", tag).unwrap(), &content, "pulled by anyone from a public project");
    refused(client.pull("closed/team/app", tag), "an anonymous pull from a private project");
    refused(client.push("open/new/app", tag), "an anonymous push to a public project");

    client.login();
    client.delete("closed/team/app", tag, &digest);
    refused(client.pull("closed/team/app", tag), "a pull by the tag of what was deleted");
    assert_same(&client.pull("open/app", &digest).unwrap(), &content, "pulled where it was not deleted");
}

fn assert_same(pulled: &Content, pushed: &Content, what: &str) {
    let names = |content: &Content| content.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(pulled), names(pushed), "{what}: the names differ");
    for (name, bytes) in pushed {
        assert!(&pulled[name] == bytes, "{what}: the bytes of {name} differ");
    }
}

fn refused<T>(outcome: Result<T, String>, what: &str) {
    assert!(outcome.is_err(), "{what} succeeded");
}
