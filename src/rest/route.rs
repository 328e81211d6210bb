//! Which request a method, a path and a query are, by the restic REST protocol.
//!
//! Pure: text in, a typed [`Request`] or a [`Stray`] out. There is exactly one folder before the
//! protocol's own names, the repository: `/REPO/`, `/REPO/config`, `/REPO/TYPE/`, `/REPO/TYPE/ID`.
//! No valid name needs percent-encoding, so a path with a percent sign names nothing here; no path
//! is ever cleaned, so `//`, `.` and `..` name nothing either.

use holdfast_actors::object::{Hash, Kind};
use hyper::Method;

/// What is asked for. `repository` is as sent: one part of a path, not yet a valid name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The first part of the path.
    pub repository: String,
    /// What to do there.
    pub verb: Verb,
}

/// What is to be done in a repository. A name is [`Hash::ZERO`] for `config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `POST /REPO/?create=true`
    Create,
    /// `HEAD` of an object or `config`
    Stat(Kind, Hash),
    /// `GET /REPO/TYPE/`
    List(Kind),
    /// `GET` of an object or `config`
    Read(Kind, Hash),
    /// `POST` of an object or `config`
    Write(Kind, Hash),
    /// `DELETE` of an object or `config`
    Delete(Kind, Hash),
}

/// A request that is none of the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// 404: the path names nothing.
    Path,
    /// 400: `POST /REPO/` without `create=true`.
    Query,
    /// 405: the path does not know the method; these it knows.
    Method {
        /// The value of the `Allow` header.
        allow: &'static str,
    },
}

const ROOT: &str = "POST";
const LIST: &str = "GET";
const OBJECT: &str = "HEAD, GET, POST, DELETE";

/// Finds the request.
pub fn route(method: &Method, path: &str, query: Option<&str>) -> Result<Request, Stray> {
    let path = path.strip_prefix('/').ok_or(Stray::Path)?;
    let (repository, rest) = path.split_once('/').ok_or(Stray::Path)?;
    if !plain(repository) {
        return Err(Stray::Path);
    }
    let verb = match rest.split_once('/') {
        None if rest.is_empty() => root(method, query)?,
        None if rest == Kind::Config.as_str() => object(method, Kind::Config, Hash::ZERO)?,
        None => return Err(Stray::Path),
        Some((folder, name)) => {
            let kind = Kind::folder(folder).ok_or(Stray::Path)?;
            if name.is_empty() {
                list(method, kind)?
            } else {
                object(method, kind, Hash::parse(name).ok_or(Stray::Path)?)?
            }
        }
    };
    let repository = repository.to_owned();
    Ok(Request { repository, verb })
}

/// Whether a part of a path can be a folder's name at all.
fn plain(part: &str) -> bool {
    let graphic = part.bytes().all(|b| b.is_ascii_graphic() && b != b'%');
    graphic && !matches!(part, "" | "." | "..")
}

fn root(method: &Method, query: Option<&str>) -> Result<Verb, Stray> {
    if *method != Method::POST {
        return Err(Stray::Method { allow: ROOT });
    }
    let mut pairs = query.unwrap_or_default().split('&');
    let create = pairs.find_map(|pair| pair.strip_prefix("create="));
    match create {
        Some("true") => Ok(Verb::Create),
        _ => Err(Stray::Query),
    }
}

fn list(method: &Method, kind: Kind) -> Result<Verb, Stray> {
    if *method == Method::GET {
        Ok(Verb::List(kind))
    } else {
        Err(Stray::Method { allow: LIST })
    }
}

fn object(method: &Method, kind: Kind, name: Hash) -> Result<Verb, Stray> {
    match *method {
        Method::HEAD => Ok(Verb::Stat(kind, name)),
        Method::GET => Ok(Verb::Read(kind, name)),
        Method::POST => Ok(Verb::Write(kind, name)),
        Method::DELETE => Ok(Verb::Delete(kind, name)),
        _ => Err(Stray::Method { allow: OBJECT }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn at(method: &str, target: &str) -> Result<Verb, Stray> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        route(&method, path, query).map(|request| request.verb)
    }

    #[test]
    fn every_request_of_the_protocol_is_found() {
        let id = Hash::parse(ID).unwrap();
        let object = format!("/r/data/{ID}");
        for (method, target, verb) in [
            ("POST", "/r/?create=true", Verb::Create),
            ("POST", "/r/?a=b&create=true&create=false", Verb::Create),
            ("HEAD", "/r/config", Verb::Stat(Kind::Config, Hash::ZERO)),
            ("GET", "/r/config?x", Verb::Read(Kind::Config, Hash::ZERO)),
            ("POST", "/r/config", Verb::Write(Kind::Config, Hash::ZERO)),
            (
                "DELETE",
                "/r/config",
                Verb::Delete(Kind::Config, Hash::ZERO),
            ),
            ("GET", "/r/data/", Verb::List(Kind::Data)),
            ("GET", "/r/keys/", Verb::List(Kind::Key)),
            ("GET", "/r/locks/", Verb::List(Kind::Lock)),
            ("GET", "/r/snapshots/", Verb::List(Kind::Snapshot)),
            ("GET", "/r/index/", Verb::List(Kind::Index)),
            ("HEAD", &object, Verb::Stat(Kind::Data, id)),
            ("GET", &object, Verb::Read(Kind::Data, id)),
            ("POST", &object, Verb::Write(Kind::Data, id)),
            ("DELETE", &object, Verb::Delete(Kind::Data, id)),
        ] {
            assert_eq!(at(method, target), Ok(verb), "{method} {target}");
        }
    }

    #[test]
    fn a_path_that_is_not_clean_names_nothing() {
        let odd = [
            "",
            "/",
            "*",
            "/r",
            "r/",
            "//",
            "//config",
            "/r//",
            "/r//config",
            "/r/data",
            "/r/config/",
            "/r/config/x",
            "/r/other/",
            "/r/other",
            "/r/../x",
            "/../r/config",
            "/./config",
            "/r/./data/",
            "/r/data/../config",
            "/a/r/config",
            "/a/b/c/config",
            "/%72/config",
            "/r/%63onfig",
            "/r%2fconfig",
            "/%2e%2e/config",
            "/r%00/config",
        ];
        for target in odd {
            assert_eq!(at("GET", target), Err(Stray::Path), "{target}");
        }
    }

    #[test]
    fn an_object_s_name_is_64_lower_case_hex_digits() {
        for name in [
            &ID[1..],
            &ID.to_uppercase(),
            &format!("{ID}0"),
            &format!("{ID}/"),
        ] {
            assert_eq!(
                at("POST", &format!("/r/data/{name}")),
                Err(Stray::Path),
                "{name}"
            );
        }
    }

    #[test]
    fn a_method_that_a_path_does_not_know_is_told_which_it_knows() {
        for method in ["GET", "HEAD", "DELETE", "PUT"] {
            assert_eq!(at(method, "/r/"), Err(Stray::Method { allow: "POST" }));
        }
        for method in ["HEAD", "POST", "DELETE", "PUT"] {
            assert_eq!(at(method, "/r/data/"), Err(Stray::Method { allow: "GET" }));
        }
        let allow = "HEAD, GET, POST, DELETE";
        let object = format!("/r/data/{ID}");
        assert_eq!(at("PATCH", &object), Err(Stray::Method { allow }));
        assert_eq!(at("OPTIONS", "/r/config"), Err(Stray::Method { allow }));
    }

    #[test]
    fn a_repository_is_asked_for_by_create_true_alone() {
        for target in [
            "/r/",
            "/r/?",
            "/r/?create",
            "/r/?create=1",
            "/r/?create=false&create=true",
        ] {
            assert_eq!(at("POST", target), Err(Stray::Query), "{target}");
        }
    }

    proptest! {
        #[test]
        fn no_path_is_too_odd(path: String, query: Option<String>) {
            let _ = route(&Method::GET, &path, query.as_deref());
        }

        #[test]
        fn a_repository_is_one_part_and_no_trick(path in "[./%a\\x00]{0,12}/config") {
            if let Ok(request) = route(&Method::GET, &path, None) {
                prop_assert_eq!(format!("/{}/config", &request.repository), path);
                prop_assert!(!matches!(request.repository.as_str(), "" | "." | ".."));
            }
        }
    }
}
