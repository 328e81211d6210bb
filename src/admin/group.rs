//! Which number the operating system gives a group. Groups that only a directory service knows are
//! given by their number.

use std::io;

/// Where the groups of this machine stand.
const GROUPS: &str = "/etc/group";

/// The number of a group that is given by name or by number; `None` if there is none of that name.
///
/// # Errors
/// When the machine's groups cannot be read.
pub fn number(group: &str) -> io::Result<Option<u32>> {
    match group.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Ok(listed(&std::fs::read_to_string(GROUPS)?, group)),
    }
}

/// The number of a group in lines such as `operators:x:998:ann,mara`.
fn listed(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        let number = fields.nth(1).filter(|_| found)?;
        number.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\nops:x:998:ann,mara\nopsy:x:5:\nbroken\nodd:x:none:\n";
        assert_eq!(listed(groups, "ops"), Some(998));
        assert_eq!(listed(groups, "opsy"), Some(5));
        for unknown in ["op", "ann", "x", "", "broken", "odd"] {
            assert_eq!(listed(groups, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_number_needs_no_name() {
        assert_eq!(number("54321").unwrap(), Some(54_321));
        assert_eq!(number("no such group").unwrap(), None);
    }
}
