//! Numbered pages of the management API: filtered, sorted, with a total.

/// Which part of a list, in which order.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    /// By what it is sorted, the most important first. What is equal in all of it, and a list without any, is in the order that
    /// the list itself has.
    pub sort: Vec<Sort>,
    /// How many entries come before.
    pub offset: usize,
    /// The greatest number of entries.
    pub limit: usize,
}

/// One thing that a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// What.
    pub field: SortField,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What lists can be sorted by; which of these, each list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words speak")]
pub enum SortField {
    Id,
    Name,
    Owner,
    Email,
    RealName,
    Role,
    Digest,
    ArtifactType,
    SizeBytes,
    UsedBytes,
    QuotaBytes,
    Pulls,
    CreatedAt,
    UpdatedAt,
    PulledAt,
    ExpiresAt,
}

/// Part of a list, and how long the whole is; both from one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The part.
    pub entries: Vec<T>,
    /// How many entries the list has in all.
    pub total: u64,
}

/// What a text is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextFilter {
    /// Exactly this.
    Is(String),
    /// Something that contains this.
    Contains(String),
}

impl TextFilter {
    /// Returns what the text is to be, if that is said.
    pub(crate) fn exact(filter: Option<&Self>) -> Option<&str> {
        match filter {
            Some(Self::Is(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns what the text is to contain, if that is said.
    pub(crate) fn part(filter: Option<&Self>) -> Option<&str> {
        match filter {
            Some(Self::Contains(text)) => Some(text),
            _ => None,
        }
    }
}

/// Which projects to list; `None` takes all.
#[derive(Clone, Debug, Default)]
pub struct ProjectFilter {
    /// Of this name.
    pub name: Option<TextFilter>,
    /// Public ones, or private ones.
    pub public: Option<bool>,
    /// Made by this account.
    pub owner: Option<String>,
}

/// Which artifacts to list; `None` takes all.
#[derive(Clone, Debug, Default)]
pub struct ArtifactFilter {
    /// Whether children of an index and referrers are listed that have no tag.
    pub all: bool,
    /// Those with a tag, or those without.
    pub tagged: Option<bool>,
    /// Those with such a tag.
    pub tag: Option<TextFilter>,
    /// That of this digest.
    pub digest: Option<TextFilter>,
}
