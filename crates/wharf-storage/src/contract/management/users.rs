//! Users.
#![expect(clippy::unwrap_used, reason = "a test suite: an error that is not expected is a failure")]

use wharf_access::{Action, Caller, Principal, Resource, Role};
use wharf_oci::distribution::Scope;

use super::town::*;
use crate::Catalog;
use crate::catalog::{NewProject, NewUser, ProjectFilter, UserUpdate};

fn id(caller: &Caller) -> i64 {
    match caller.principal {
        Principal::User(id) => id,
        other => panic!("{other:?} is no user"),
    }
}

fn update() -> UserUpdate {
    UserUpdate::default()
}

pub(super) async fn the_first_administrator_is_made_once(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    assert!(catalog.user_credential("root").await.unwrap().is_none());
    assert!(catalog.bootstrap_admin("root", "first").await.unwrap());
    assert!(!catalog.bootstrap_admin("root", "second").await.unwrap());
    assert!(!catalog.bootstrap_admin("other", "second").await.unwrap());
    let credential = catalog.user_credential("root").await.unwrap().unwrap();
    assert!(credential.user.admin && !credential.user.disabled);
    assert_eq!(credential.password_hash, "first");
    assert_eq!(catalog.users(&Caller::system(), None, &first(10)).await.unwrap().total, 1);
}

pub(super) async fn names_are_checked(town: &Town<impl Catalog>) {
    let system = Caller::system();
    let long = "x".repeat(256);
    for bad in ["", "a,b", "a\"b", "a~", "#a", "100%", "robot$x", "a\\b", "a/b", "a:b", "a\0", "a\n", &long] {
        assert_invalid(town.catalog.create_user(&system, new_user(bad)).await, "user name");
    }
    for bad in ["anonymous", "system"] {
        assert_invalid(town.catalog.create_user(&system, new_user(bad)).await, "reserved");
    }
    for good in ["a", "Ann Smith", "ann@example.com", "ä'b", &long[1..]] {
        let made = town.catalog.create_user(&system, new_user(good)).await.unwrap();
        assert_eq!(made.name, good);
        assert!(!made.admin);
    }
    assert_conflict(town.catalog.create_user(&system, new_user("a")).await, "exists already");
    let chatty = NewUser { real_name: "x".repeat(256), ..new_user("chatty") };
    assert_invalid(town.catalog.create_user(&system, chatty).await, "real name: it has 256 characters");
}

pub(super) async fn people_see_and_change_themselves_only(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let (ann, bob) = (town.user("ann").await, town.user("bob").await);
    let admin = town.admin("root").await;
    assert_eq!(catalog.user(&ann, id(&ann)).await.unwrap().name, "ann");
    assert_eq!(catalog.user(&admin, id(&ann)).await.unwrap().name, "ann");
    // Whether a number is somebody's is not told.
    for other in [id(&bob), 4_000_000] {
        assert_forbidden(catalog.user(&ann, other).await);
        assert_forbidden(catalog.user(&Caller::anonymous(), other).await);
        assert_forbidden(catalog.update_user(&ann, other, update()).await);
        assert_forbidden(catalog.delete_user(&ann, other).await);
    }
    assert_absent(catalog.user(&admin, 4_000_000).await, "user");
    assert_absent(catalog.update_user(&admin, 4_000_000, update()).await, "user");
    assert_absent(catalog.delete_user(&admin, 4_000_000).await, "user");
    assert_forbidden(catalog.users(&ann, None, &first(10)).await);
    assert_forbidden(catalog.create_user(&ann, new_user("carl")).await);
    assert_forbidden(catalog.delete_user(&ann, id(&ann)).await);

    let own = UserUpdate {
        email: Some("ann@example.com".to_owned()),
        real_name: Some("Ann".to_owned()),
        password_hash: Some("new".to_owned()),
        ..update()
    };
    let changed = catalog.update_user(&ann, id(&ann), own.clone()).await.unwrap();
    assert_eq!((changed.email.as_str(), changed.real_name.as_str()), ("ann@example.com", "Ann"));
    assert_eq!(catalog.user_credential("ann").await.unwrap().unwrap().password_hash, "new");
    for mighty in [
        UserUpdate { admin: Some(true), ..update() },
        UserUpdate { admin: Some(false), ..own.clone() },
        UserUpdate { disabled: Some(false), ..update() },
    ] {
        assert_forbidden(catalog.update_user(&ann, id(&ann), mighty).await);
    }
    // A token is for repositories.
    let narrowed =
        Caller { token_scopes: Some(vec![Scope::repository("shop/web", ["pull"])]), ..ann.clone() };
    assert_forbidden(catalog.user(&narrowed, id(&ann)).await);
    assert_forbidden(catalog.update_user(&narrowed, id(&ann), own).await);
}

pub(super) async fn managing_users_is_not_the_right_to_become_one(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let (admin, ann) = (town.admin("root").await, town.user("ann").await);
    let all = Action::all().map(|action| (Resource::User, action)).collect::<Vec<_>>();
    let (clerk, _) = town.robot(None, "clerk", vec![grant("/", "**", &all)]).await;
    assert_eq!(catalog.users(&clerk, None, &first(10)).await.unwrap().total, 2);
    catalog.create_user(&clerk, new_user("bob")).await.unwrap();
    let password = UserUpdate { password_hash: Some("mine".to_owned()), ..update() };
    catalog.update_user(&clerk, id(&ann), password.clone()).await.unwrap();

    assert_forbidden(catalog.create_user(&clerk, NewUser { admin: true, ..new_user("eve") }).await);
    assert_forbidden(catalog.update_user(&clerk, id(&admin), password).await);
    let promote = UserUpdate { admin: Some(true), ..update() };
    assert_forbidden(catalog.update_user(&clerk, id(&ann), promote).await);
    town.admin("second").await;
    assert_forbidden(catalog.delete_user(&clerk, id(&admin)).await);
    assert_eq!(catalog.user_credential("root").await.unwrap().unwrap().password_hash, "hash");
}

pub(super) async fn the_last_administrator_stays(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let (root, second) = (town.admin("root").await, town.admin("second").await);
    let disable = UserUpdate { disabled: Some(true), ..update() };
    let strip = UserUpdate { admin: Some(false), ..update() };
    // One who cannot log in does not count.
    catalog.update_user(&root, id(&second), disable.clone()).await.unwrap();
    for change in [&disable, &strip] {
        let refused = catalog.update_user(&root, id(&root), change.clone()).await;
        assert_conflict(refused, "is the last administrator");
    }
    assert_conflict(catalog.delete_user(&root, id(&root)).await, "is the last administrator");
    assert_conflict(catalog.delete_user(&Caller::system(), id(&root)).await, "is the last administrator");
    let own = UserUpdate { email: Some("root@example.com".to_owned()), ..update() };
    catalog.update_user(&root, id(&root), own).await.unwrap();
    catalog.delete_user(&root, id(&second)).await.expect("it was disabled");

    let third = town.admin("third").await;
    catalog.update_user(&third, id(&root), strip).await.unwrap();
    assert_forbidden(catalog.users(&root, None, &first(1)).await);
    catalog.delete_user(&third, id(&root)).await.unwrap();
}

pub(super) async fn a_hash_is_replaced_only_while_it_stands(town: &Town<impl Catalog>) {
    let ann = town.user("ann").await;
    town.catalog.rehash_password(id(&ann), "hash", "better").await.unwrap();
    assert_eq!(town.catalog.user_credential("ann").await.unwrap().unwrap().password_hash, "better");
    town.catalog.rehash_password(id(&ann), "hash", "late").await.unwrap();
    assert_eq!(town.catalog.user_credential("ann").await.unwrap().unwrap().password_hash, "better");
}

pub(super) async fn a_disabled_or_deleted_user_has_no_rights(town: &Town<impl Catalog>) {
    let catalog = &town.catalog;
    let ann = town.member("ann", "shop", Role::ProjectAdmin).await;
    let admin = town.admin("root").await;
    town.admin("second").await;
    let members = catalog.members(&ann, "shop", None, &first(10)).await.unwrap().entries;
    assert_eq!(members.len(), 1);
    for who in [&ann, &admin] {
        let change = UserUpdate { disabled: Some(true), ..update() };
        catalog.update_user(&Caller::system(), id(who), change).await.unwrap();
        assert!(catalog.user_credential(&who.name).await.unwrap().unwrap().user.disabled);
        assert_hidden(catalog.project(who, "shop").await);
        assert_forbidden(catalog.user(who, id(who)).await);
        let project = NewProject { name: "mine".to_owned(), ..NewProject::default() };
        assert_forbidden(catalog.create_project(who, project, true).await);
        assert_eq!(catalog.projects(who, &ProjectFilter::default(), &first(10)).await.unwrap().entries, []);
    }
    catalog.delete_user(&Caller::system(), id(&ann)).await.unwrap();
    assert!(catalog.user_credential("ann").await.unwrap().is_none());
    assert_eq!(catalog.members(&Caller::system(), "shop", None, &first(10)).await.unwrap().entries, []);
    assert_hidden(catalog.project(&ann, "shop").await);
    // A later user of that name is somebody else.
    let again = town.user("ann").await;
    assert_ne!(id(&again), id(&ann));
    assert_hidden(catalog.project(&again, "shop").await);
}
