//! Self-service, both sides: the agent's commands and the server's answers, over a ledger in
//! memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use holdfast::commands::values::Login as Named;
use holdfast::selfservice::server::{SelfService, Wanted, handle};
use holdfast::selfservice::{
    ACCOUNT, Account, PASSWORD as PASSWORD_PATH, PasswordChange, SUBTENANTS, SubtenantMade,
    SubtenantRow, Usage,
};
use holdfast_actors::catalog::rows::{Scope, State};
use holdfast_actors::kernel::Size;
use holdfast_actors::names::SubtenantName;
use holdfast_actors::refusal::{Reason, Refusal};
use holdfast_actors::service::Login;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::peer::{PASSWORD, Peer, USER};

/// One tenant with one repository.
pub(crate) struct Ledger {
    password: Mutex<String>,
    subtenants: Mutex<BTreeMap<String, Option<u64>>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            password: Mutex::new(PASSWORD.to_owned()),
            subtenants: Mutex::default(),
        }
    }
}

/// Whether the caller is a subtenant.
pub(crate) struct Caller(Option<String>);

fn tenants_only(caller: &Caller) -> Result<(), Refusal> {
    let refusal = || Refusal::new(Reason::Scope, "only the tenant itself may do that");
    caller.0.as_ref().map_or(Ok(()), |_| Err(refusal()))
}

fn unknown() -> Refusal {
    Refusal::new(Reason::Unauthenticated, "the name or the password is wrong")
}

impl SelfService for Ledger {
    type Caller = Caller;

    async fn log_in(&self, login: Option<Login>) -> Result<Caller, Refusal> {
        let login = login.ok_or_else(unknown)?;
        let user = Named::parse(&login.user).map_err(|_| unknown())?;
        let known = user.tenant.as_str() == USER
            && login.password.expose() == *self.password.lock().unwrap();
        let subtenant = user.subtenant.map(|name| name.to_string());
        if known {
            Ok(Caller(subtenant))
        } else {
            Err(unknown())
        }
    }

    async fn account(&self, caller: &Caller) -> Result<Account, Refusal> {
        Ok(Account {
            tenant: USER.to_owned(),
            subtenant: caller.0.clone(),
            state: State::Enabled,
            lease: "2027-01-31".to_owned(),
            days_left: Some(70),
            scope: Scope::Full,
            repositories: vec![Usage {
                repository: "main".to_owned(),
                quota: 10 << 30,
                used: 4 << 30,
            }],
        })
    }

    async fn change_password(&self, _: &Caller, change: PasswordChange) -> Result<(), Refusal> {
        let mut password = self.password.lock().unwrap();
        if *change.current != *password {
            return Err(unknown());
        }
        password.clone_from(&change.new);
        Ok(())
    }

    async fn subtenants(&self, caller: &Caller) -> Result<Vec<SubtenantRow>, Refusal> {
        tenants_only(caller)?;
        let subtenants = self.subtenants.lock().unwrap();
        let row = |(name, limit): (&String, &Option<u64>)| SubtenantRow {
            subtenant: name.clone(),
            enabled: true,
            managed: false,
            repository: "main".to_owned(),
            limit: *limit,
            used: 0,
        };
        Ok(subtenants.iter().map(row).collect())
    }

    async fn add_subtenant(&self, caller: &Caller, new: Wanted) -> Result<SubtenantMade, Refusal> {
        tenants_only(caller)?;
        let mut subtenants = self.subtenants.lock().unwrap();
        let limit = new.limit.map(Size::as_bytes);
        if subtenants.contains_key(new.subtenant.as_str()) {
            let message = format!("there is a subtenant {} already", new.subtenant);
            return Err(Refusal::new(Reason::Exists, message));
        }
        subtenants.insert(new.subtenant.to_string(), limit);
        Ok(SubtenantMade {
            subtenant: new.subtenant.to_string(),
            repository: "main".to_owned(),
            limit,
            password: Zeroizing::new("shown once".to_owned()),
        })
    }

    async fn remove_subtenant(&self, caller: &Caller, name: SubtenantName) -> Result<(), Refusal> {
        tenants_only(caller)?;
        let missing = || {
            let message = format!("there is no subtenant {name}");
            Refusal::new(Reason::NotFound, message)
        };
        let removed = self.subtenants.lock().unwrap().remove(name.as_str());
        removed.map(|_| ()).ok_or_else(missing)
    }
}

#[test]
fn a_tenant_sees_its_account_and_changes_its_password() {
    let peer = Peer::start();
    let mut account = crate::Account::of(&peer);
    let shown = account.raw(&["account"], "").unwrap();
    assert_eq!(shown["state"], "enabled");
    assert_eq!(
        shown["repositories"][0],
        json!({"repository": "main", "quota": 10_u64 << 30, "used": 4_u64 << 30})
    );

    account
        .raw(&["password", "--new-password-file", "-"], "a new one\n")
        .unwrap();
    let refused = account.raw(&["account"], "").unwrap_err();
    assert_eq!((refused.code(), refused.reason()), (4, "unauthenticated"));
    assert_eq!(refused.to_string(), "the name or the password is wrong");
    account.password = "a new one".to_owned();
    account.raw(&["account"], "").unwrap();
}

#[test]
fn a_tenant_manages_its_subtenants_and_a_subtenant_does_not() {
    let peer = Peer::start();
    let mut account = crate::Account::of(&peer);
    let add = ["subtenant", "add", "lab 2", "--limit", "1GiB"];
    let made = account.raw(&add, "").unwrap();
    assert_eq!(
        (&made["subtenant"], &made["password"]),
        (&"lab 2".into(), &"shown once".into())
    );
    let conflict = account.raw(&add, "").unwrap_err();
    assert_eq!((conflict.code(), conflict.reason()), (5, "exists"));
    let listed = account.raw(&["subtenant", "list"], "").unwrap();
    assert_eq!(
        (&listed[0]["subtenant"], &listed[0]["limit"]),
        (&"lab 2".into(), &(1_u64 << 30).into())
    );

    account.user = "acme+lab 2".to_owned();
    assert_eq!(account.raw(&["account"], "").unwrap()["subtenant"], "lab 2");
    let refused = account.raw(&["subtenant", "list"], "").unwrap_err();
    assert_eq!((refused.code(), refused.reason()), (4, "scope"));

    account.user = USER.to_owned();
    account.raw(&["subtenant", "remove", "lab 2"], "").unwrap();
    let missing = account
        .raw(&["subtenant", "remove", "lab 2"], "")
        .unwrap_err();
    assert_eq!((missing.code(), missing.reason()), (3, "not-found"));
    assert_eq!(account.raw(&["subtenant", "list"], "").unwrap(), json!([]));
}

/// Asks the server's side directly: status, the reason in the header, and the body.
fn ask(method: &str, path: &str, login: Option<&str>, body: &str) -> (u16, String, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(login) = login {
        let coded = BASE64_STANDARD.encode(login);
        request = request.header("authorization", format!("Basic {coded}"));
    }
    let request = request
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let response = runtime.block_on(handle(
        &Ledger::default(),
        ([127, 0, 0, 1].into(), None),
        request,
    ));
    let header = |name| {
        response
            .headers()
            .get(name)
            .map(|it| it.to_str().unwrap().to_owned())
    };
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(
        header("www-authenticate").is_some(),
        response.status() == 401
    );
    let (status, reason) = (response.status().as_u16(), header("x-holdfast-reason"));
    let body = runtime
        .block_on(response.into_body().collect())
        .unwrap()
        .to_bytes();
    (
        status,
        reason.unwrap_or_default(),
        serde_json::from_slice(&body).unwrap(),
    )
}

#[test]
fn without_a_log_in_every_path_looks_the_same() {
    let unknown = ask("GET", ACCOUNT, None, "");
    assert_eq!((unknown.0, unknown.1.as_str()), (401, "unauthenticated"));
    for path in [ACCOUNT, PASSWORD_PATH, SUBTENANTS, "/.holdfast/v1/nothing"] {
        for login in [
            None,
            Some("acme:wrong"),
            Some("nobody:x"),
            Some("no colon"),
            Some("a/b:x"),
        ] {
            for method in ["GET", "POST", "DELETE"] {
                assert_eq!(
                    ask(method, path, login, ""),
                    unknown,
                    "{method} {path} {login:?}"
                );
            }
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused_without_repeating_it() {
    let login = format!("{USER}:{PASSWORD}");
    let ask = |method, path, body: &str| ask(method, path, Some(&login), body);
    let long = format!("{{\"current\": \"{}\"}}", "x".repeat(20_000));
    for body in [
        "",
        "secret",
        "{\"current\": \"secret\"}",
        "[]",
        long.as_str(),
    ] {
        let (status, reason, text) = ask("POST", PASSWORD_PATH, body);
        assert_eq!((status, reason.as_str()), (400, "usage"), "{body}");
        assert!(!text.to_string().contains("secret"), "{text}");
    }
    for body in [
        "{\"subtenant\": \"a+b\"}",
        "{\"subtenant\": \"a\", \"repository\": \"A\"}",
    ] {
        assert_eq!(ask("POST", SUBTENANTS, body).0, 400, "{body}");
    }
    for (method, path) in [
        ("PUT", ACCOUNT),
        ("GET", PASSWORD_PATH),
        ("DELETE", SUBTENANTS),
    ] {
        assert_eq!(ask(method, path, "").0, 405, "{method} {path}");
    }
    for path in [
        "/.holdfast/v1/",
        "/.holdfast/v1/subtenants/",
        "/.holdfast/v1/subtenants/a%2fb",
    ] {
        assert_eq!(ask("DELETE", path, "").0, 404, "{path}");
    }
}
