//! Users and robot accounts on SQLite.

mod robots;
mod users;

pub(super) use robots::forget_project;

use async_trait::async_trait;
use wharf_access::Caller;

use super::SqliteCatalog;
use crate::catalog::{
    Accounts, Listed, NewRobot, NewUser, Robot, RobotCredential, RobotUpdate, Slice, TextFilter, User,
    UserCredential, UserUpdate,
};
use crate::{Error, Result};

#[async_trait]
impl Accounts for SqliteCatalog {
    async fn user_credential(&self, name: &str) -> Result<Option<UserCredential>> {
        self.read(|tx| users::credential(tx, name))
    }

    async fn robot_credential(&self, name: &str) -> Result<Option<RobotCredential>> {
        self.read(|tx| robots::credential(tx, name))
    }

    async fn bootstrap_admin(&self, name: &str, password_hash: &str) -> Result<bool> {
        let user = NewUser {
            name: name.to_owned(),
            password_hash: password_hash.to_owned(),
            admin: true,
            ..NewUser::default()
        };
        self.write(move |tx| users::bootstrap(tx, &user)).await
    }

    async fn rehash_password(&self, user_id: i64, old_hash: &str, new_hash: &str) -> Result<()> {
        let (old_hash, new_hash) = (old_hash.to_owned(), new_hash.to_owned());
        self.write(move |tx| users::rehash(tx, user_id, &old_hash, &new_hash)).await
    }

    async fn create_user(&self, caller: &Caller, user: NewUser) -> Result<User> {
        let caller = caller.clone();
        self.write(move |tx| users::create(tx, &caller, &user)).await
    }

    async fn user(&self, caller: &Caller, id: i64) -> Result<User> {
        self.read(|tx| users::find(tx, caller, id))
    }

    async fn users(&self, caller: &Caller, name: Option<&TextFilter>, slice: &Slice) -> Result<Listed<User>> {
        self.read(|tx| users::list(tx, caller, name, slice))
    }

    async fn update_user(&self, caller: &Caller, id: i64, update: UserUpdate) -> Result<User> {
        let caller = caller.clone();
        self.write(move |tx| users::update(tx, &caller, id, &update)).await
    }

    async fn delete_user(&self, caller: &Caller, id: i64) -> Result<()> {
        let caller = caller.clone();
        self.write(move |tx| users::delete(tx, &caller, id)).await
    }

    async fn create_robot(&self, caller: &Caller, robot: NewRobot) -> Result<Robot> {
        let caller = caller.clone();
        self.write(move |tx| robots::create(tx, &caller, &robot)).await
    }

    async fn robot(&self, caller: &Caller, project: Option<&str>, id: i64) -> Result<Robot> {
        self.read(|tx| robots::find(tx, caller, project, id))
    }

    async fn robots(
        &self,
        caller: &Caller,
        project: Option<&str>,
        name: Option<&TextFilter>,
        slice: &Slice,
    ) -> Result<Listed<Robot>> {
        self.read(|tx| robots::list(tx, caller, project, name, slice))
    }

    async fn update_robot(
        &self,
        caller: &Caller,
        project: Option<&str>,
        id: i64,
        update: RobotUpdate,
    ) -> Result<Robot> {
        let (caller, project) = (caller.clone(), project.map(str::to_owned));
        self.write(move |tx| robots::update(tx, &caller, project.as_deref(), id, &update)).await
    }

    async fn delete_robot(&self, caller: &Caller, project: Option<&str>, id: i64) -> Result<()> {
        let (caller, project) = (caller.clone(), project.map(str::to_owned));
        self.write(move |tx| robots::delete(tx, &caller, project.as_deref(), id)).await
    }
}

/// Checks a text that people write about themselves or their things.
pub(super) fn check_text(what: &'static str, text: &str, max_chars: usize) -> Result<()> {
    let length = text.chars().count();
    if length > max_chars {
        return Err(Error::Invalid {
            what,
            problem: format!("it has {length} characters, at most {max_chars} are kept"),
        });
    }
    if let Some(bad) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Error::Invalid { what, problem: format!("it holds the control character {bad:?}") });
    }
    Ok(())
}
