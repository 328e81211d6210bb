
use holdfast_actors::catalog::command::{NewNode, TenantCommand};
use holdfast_actors::catalog::rows::{Lease, Node, Tenant as TenantRow};
use holdfast_actors::kernel::NodeName;

use super::*;
