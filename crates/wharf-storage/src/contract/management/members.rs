//! Members.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Caller, Role};

use super::town::*;
use crate::Catalog;

pub(super) async fn membership_takes_effect_at_once(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let bob = town.user("bob").await;
    assert_hidden(catalog.project(&bob, "shop").await);
    let member = catalog.add_member(&ann, "shop", "bob", Role::LimitedGuest).await.unwrap();
    assert_eq!((member.user_name.as_str(), member.role), ("bob", Role::LimitedGuest));
    assert_eq!(catalog.project(&bob, "shop").await.unwrap().caller_role, Some(Role::LimitedGuest));
    assert_forbidden(catalog.members(&bob, "shop", None, &first(10)).await);
    assert_conflict(
        catalog.add_member(&ann, "shop", "bob", Role::Guest).await,
        "is a member of project \"shop\" already",
    );
    assert_absent(catalog.add_member(&ann, "shop", "nobody", Role::Guest).await, "user");

    let member = catalog.update_member(&ann, "shop", member.id, Role::Guest).await.unwrap();
    assert_eq!(catalog.member(&bob, "shop", member.id).await.unwrap(), member);
    assert_eq!(catalog.members(&bob, "shop", None, &first(10)).await.unwrap().total, 2);
    assert_forbidden(catalog.update_member(&bob, "shop", member.id, Role::ProjectAdmin).await);
    assert_forbidden(catalog.delete_member(&bob, "shop", member.id).await);
    catalog.delete_member(&ann, "shop", member.id).await.unwrap();
    assert_hidden(catalog.project(&bob, "shop").await);
    assert_absent(catalog.member(&ann, "shop", member.id).await, "member");
}

pub(super) async fn a_member_of_another_project_is_absent(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    town.member("bea", "bank", Role::Guest).await;
    let bea = catalog.members(&Caller::system(), "bank", None, &first(1)).await.unwrap().entries.remove(0);
    for caller in [&ann, &Caller::system()] {
        for id in [bea.id, 4_000_000] {
            assert_absent(catalog.member(caller, "shop", id).await, "member");
            assert_absent(catalog.update_member(caller, "shop", id, Role::ProjectAdmin).await, "member");
            assert_absent(catalog.delete_member(caller, "shop", id).await, "member");
        }
    }
    assert_hidden(catalog.member(&ann, "bank", bea.id).await);
    assert_eq!(catalog.member(&Caller::system(), "bank", bea.id).await.unwrap(), bea);
}
