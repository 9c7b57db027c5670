//! Members of projects.

use wharf_access::{Caller, Role};
use wharf_storage::catalog::{MemberRecord, SortField, TextFilter};

use super::call::{Call, Reply, bad_request, created, done, json};
use super::query::{Sortable, listed, page};
use super::shape::shapes;
use crate::error::Error;

const SORTABLE: Sortable =
    &[("id", SortField::Id), ("entity_name", SortField::Name), ("role_id", SortField::Role)];

shapes! {
    /// A member to add.
    request ProjectMember {
        /// 1 projectAdmin, 2 developer, 3 guest, 4 maintainer, 5 limitedGuest.
        role_id: u8,
        member_user: Option<UserEntity>,
        /// Groups are not offered.
        member_group: Option<UserGroup>,
    }

    /// The user who is to be a member, by name or number.
    request UserEntity {
        user_id: Option<i64>,
        username: Option<String>,
    }

    /// A group.
    request UserGroup {
        group_name: Option<String>,
    }

    /// A role.
    request RoleRequest {
        /// 1 projectAdmin, 2 developer, 3 guest, 4 maintainer, 5 limitedGuest.
        role_id: u8,
    }

    /// A member.
    answer ProjectMemberEntity {
        /// The number of the membership.
        id: i64,
        project_id: i64,
        /// The login name.
        entity_name: String,
        role_name: &'static str,
        role_id: u8,
        /// The number of the user.
        entity_id: i64,
        /// Always "u", a user.
        entity_type: &'static str,
    }
}

impl From<MemberRecord> for ProjectMemberEntity {
    fn from(member: MemberRecord) -> Self {
        Self {
            id: member.id,
            project_id: member.project_id,
            entity_name: member.user_name,
            role_name: member.role.name(),
            role_id: member.role.id(),
            entity_id: member.user_id,
            entity_type: "u",
        }
    }
}

pub(super) async fn list(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    call.query.filters(&[])?;
    let name = call.query.value("entityname").map(|part| TextFilter::Contains(part.to_owned()));
    let slice = call.query.slice(SORTABLE)?;
    let members = listed(call.catalog().members(&call.caller, &project, name.as_ref(), &slice)).await?;
    page(members, &format!("/projects/{project}/members"), &call.query, ProjectMemberEntity::from)
}

pub(super) async fn create(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    let wanted: ProjectMember = call.json()?;
    let role = role(wanted.role_id)?;
    if wanted.member_group.is_some_and(|group| group.group_name.is_some()) {
        return Err(bad_request("member_group: groups are not offered; add each user"));
    }
    let user = match wanted.member_user {
        Some(UserEntity { username: Some(name), .. }) => name,
        // Whoever may add members may know names; the route has decided that already.
        Some(UserEntity { user_id: Some(id), .. }) => call.catalog().user(&Caller::system(), id).await?.name,
        _ => return Err(bad_request("member_user needs username or user_id")),
    };
    let member = call.catalog().add_member(&call.caller, &project, &user, role).await?;
    Ok(created(done(), &format!("/projects/{}/members/{}", member.project_id, member.id)))
}

pub(super) async fn show(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    json(&ProjectMemberEntity::from(call.catalog().member(&call.caller, &project, call.id("mid")?).await?))
}

pub(super) async fn update(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    let id = call.id("mid")?;
    let wanted: RoleRequest = call.json()?;
    call.catalog().update_member(&call.caller, &project, id, role(wanted.role_id)?).await?;
    Ok(done())
}

pub(super) async fn delete(call: Call) -> Result<Reply, Error> {
    let project = call.project().await?;
    call.catalog().delete_member(&call.caller, &project, call.id("mid")?).await?;
    Ok(done())
}

fn role(id: u8) -> Result<Role, Error> {
    Role::try_from(id).map_err(|error| bad_request(format!("role_id: {error}")))
}
