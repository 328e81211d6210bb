//! Where a server is, as a person writes it.

use hyper::Uri;
use rustls::pki_types::ServerName;

use super::failure::Failure;

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// A name or an address, without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// The name that the certificate must have.
    pub(crate) name: ServerName<'static>,
}

/// Where an address points to, and how it is named in a `Host` header.
pub(super) fn place(server: &str) -> Result<(Place, String), Failure> {
    let wrong = |rule: &str| Failure::Address {
        rule: rule.to_owned(),
    };
    let uri: Uri = server
        .parse()
        .map_err(|_| wrong("it is not of the form https://HOST:PORT"))?;
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    if uri.scheme_str() != Some("https") {
        return Err(wrong("it must begin with https://"));
    }
    if authority.contains('@') {
        return Err(wrong(
            "it must not hold a name or a password: use --user and --password-file",
        ));
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err(wrong(
            "it must end after the port: use --repository for the repository",
        ));
    }
    let host = uri.host().unwrap_or_default();
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(host.clone()).map_err(|_| wrong("its host is no host"))?;
    let port = uri.port_u16().unwrap_or(443);
    Ok((Place { host, port, name }, authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_with_a_host_and_nothing_secret() {
        let (there, authority) = place("https://[::1]:8443/").unwrap();
        assert_eq!((there.host.as_str(), there.port), ("::1", 8443));
        assert_eq!(authority, "[::1]:8443");
        assert_eq!(place("https://backup.example.net").unwrap().0.port, 443);
        for bad in [
            "",
            "backup.example.net",
            "http://backup.example.net",
            "https://acme:secret@backup.example.net",
            "https://backup.example.net/main/",
            "https://backup.example.net?x",
            "https://",
        ] {
            let error = place(bad).map(|_| ()).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
