//! Users and robot accounts. Passwords and secrets arrive hashed; the catalog never sees one.

use async_trait::async_trait;
use wharf_access::{Caller, RobotGrant};

use super::{Listed, Slice, TextFilter};
use crate::Result;

/// Users and robot accounts. Times are Unix seconds.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Returns what is needed to verify a user's password, by name. For the server itself.
    async fn user_credential(&self, name: &str) -> Result<Option<UserCredential>>;

    /// Returns what is needed to verify a robot's secret, by its full name. For the server itself.
    async fn robot_credential(&self, name: &str) -> Result<Option<RobotCredential>>;

    /// Makes the first administrator, unless some user exists; returns whether it was made. For the server itself.
    async fn bootstrap_admin(&self, name: &str, password_hash: &str) -> Result<bool>;

    /// Replaces the stored hash of a user, after an import in an older form has been verified. For the server itself.
    async fn rehash_password(&self, user_id: i64, old_hash: &str, new_hash: &str) -> Result<()>;

    /// Makes a user. Needs `user:create`.
    async fn create_user(&self, caller: &Caller, user: NewUser) -> Result<User>;
    /// Returns a user. Needs `user:read`, or to be that user.
    async fn user(&self, caller: &Caller, id: i64) -> Result<User>;
    /// Lists users by ascending id, or by id, name, e-mail, real name and times. Needs `user:list`.
    async fn users(&self, caller: &Caller, name: Option<&TextFilter>, slice: &Slice) -> Result<Listed<User>>;
    /// Changes a user. Needs `user:update`; a user may change their own e-mail, real name and password (the server has
    /// verified the old one). The last administrator cannot be disabled or stripped.
    async fn update_user(&self, caller: &Caller, id: i64, update: UserUpdate) -> Result<User>;
    /// Removes a user and their memberships. Needs `user:delete`. The last administrator stays.
    async fn delete_user(&self, caller: &Caller, id: i64) -> Result<()>;

    /// Makes a robot account: in a project (needs `robot:create` there, and no grant may exceed the maker's own rights in that project) or
    /// of the system (`project: None`; administrators).
    async fn create_robot(&self, caller: &Caller, robot: NewRobot) -> Result<Robot>;
    /// Returns a robot of this project. The pair must match: an id of another project is absent. With `None` it may be of
    /// the system or of any project, whose rights then decide.
    async fn robot(&self, caller: &Caller, project: Option<&str>, id: i64) -> Result<Robot>;
    /// Lists the robots of a project (`None`: of the system) by ascending id, or by id, name, end and times. Needs `robot:list`.
    async fn robots(
        &self,
        caller: &Caller,
        project: Option<&str>,
        name: Option<&TextFilter>,
        slice: &Slice,
    ) -> Result<Listed<Robot>>;
    /// Changes a robot; `project` as in [`robot`](Self::robot).
    async fn update_robot(
        &self,
        caller: &Caller,
        project: Option<&str>,
        id: i64,
        update: RobotUpdate,
    ) -> Result<Robot>;
    /// Removes a robot; `project` as in [`robot`](Self::robot).
    async fn delete_robot(&self, caller: &Caller, project: Option<&str>, id: i64) -> Result<()>;
}

/// A user as others see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The number.
    pub id: i64,
    /// The login name.
    pub name: String,
    /// The e-mail address, or empty.
    pub email: String,
    /// The real name, or empty.
    pub real_name: String,
    /// Whether they administer the whole system.
    pub admin: bool,
    /// Whether they may not log in.
    pub disabled: bool,
    /// When they were made.
    pub created_at: i64,
    /// When they were last changed.
    pub updated_at: i64,
}

/// What is needed to verify a password.
#[derive(Clone, Debug)]
pub struct UserCredential {
    /// The user.
    pub user: User,
    /// The stored hash, in PHC string form (argon2id) or bcrypt's own form after an import.
    pub password_hash: String,
}

/// A user to make.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// The login name: 1 to 255 characters, none of `,"~#%$\/:` and no control character; not
    /// `anonymous` or `system`.
    pub name: String,
    /// The e-mail address, or empty.
    pub email: String,
    /// The real name, or empty.
    pub real_name: String,
    /// The hash of the password.
    pub password_hash: String,
    /// Whether they are to administer the whole system; set by administrators' commands only, never from a sign-up.
    pub admin: bool,
}

/// What to change of a user; `None` leaves a field.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each is the field of the same name in User")]
pub struct UserUpdate {
    pub email: Option<String>,
    pub real_name: Option<String>,
    pub password_hash: Option<String>,
    pub admin: Option<bool>,
    pub disabled: Option<bool>,
}

/// A robot account as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Robot {
    /// The number.
    pub id: i64,
    /// The full login name: `robot$NAME` of the system, `robot$PROJECT+NAME` of a project.
    pub name: String,
    /// The project it belongs to; `None` for the system.
    pub project: Option<String>,
    /// What it is for.
    pub description: String,
    /// What it may do.
    pub grants: Vec<RobotGrant>,
    /// When it ends; `None` for never.
    pub expires_at: Option<i64>,
    /// Whether it may not log in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

/// What is needed to verify a robot's secret.
#[derive(Clone, Debug)]
pub struct RobotCredential {
    /// The robot.
    pub robot: Robot,
    /// SHA-256 of the secret, lower-case hex: secrets are random, 32 bytes, so no slow hash is needed.
    pub secret_hash: String,
    /// The hash of the secret before the last rotation and until when it is still accepted.
    pub previous: Option<(String, i64)>,
}

/// A robot to make.
#[derive(Clone, Debug, Default)]
pub struct NewRobot {
    /// The name without prefix: lower-case letters, digits, `.`, `_`, `-`; 1 to 255 characters.
    pub name: String,
    /// The project; `None` for the system.
    pub project: Option<String>,
    /// What it is for.
    pub description: String,
    /// What it may do.
    pub grants: Vec<RobotGrant>,
    /// When it ends; `None` for never.
    pub expires_at: Option<i64>,
    /// SHA-256 of the secret, lower-case hex.
    pub secret_hash: String,
}

/// What to change of a robot; `None` leaves a field.
#[derive(Clone, Debug, Default)]
pub struct RobotUpdate {
    /// What it is for.
    pub description: Option<String>,
    /// What it may do.
    pub grants: Option<Vec<RobotGrant>>,
    /// When it ends; `Some(None)` for never.
    pub expires_at: Option<Option<i64>>,
    /// Whether it may not log in.
    pub disabled: Option<bool>,
    /// Rotation: the hash of the new secret, and until when the old one is still accepted (now for not at all).
    pub rotate: Option<(String, i64)>,
}
