//! Sockets for datagrams: how much they may hold.

use std::net::UdpSocket;

use rustix::net::sockopt;

/// What a socket may hold, each way, in bytes: 3 ms of ten gigabits a second, less where the
/// system allows less.
const BUFFER: usize = 4 << 20;

/// Asks for room for what arrives while this process does something else. What the system sets by
/// itself loses a part of what a busy peer sends, which costs tenants more than memory does. `whom`
/// says in the log for whom the socket is.
pub(crate) fn widen(socket: &UdpSocket, whom: &str) {
    let received = sockopt::set_socket_recv_buffer_size_force(socket, BUFFER)
        .or_else(|_| sockopt::set_socket_recv_buffer_size(socket, BUFFER));
    let sent = sockopt::set_socket_send_buffer_size(socket, BUFFER);
    // The kernel counts its own books in, and says twice as much.
    let has = sockopt::socket_recv_buffer_size(socket).unwrap_or_default() / 2;
    if received.is_err() || sent.is_err() || has < BUFFER {
        tracing::info!(
            bytes = has,
            wanted = BUFFER,
            "the socket for {whom} has a small buffer; raise net.core.rmem_max and wmem_max"
        );
    }
}
