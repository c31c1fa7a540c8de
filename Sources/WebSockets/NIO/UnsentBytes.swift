#if os(Linux)
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// How many bytes the system may keep of what has not been sent yet (`TCP_NOTSENT_LOWAT`, tcp(7)).
///
/// It would take up to 4 MiB of its memory for each peer that does not read; here they are counted. What is on its way is
/// not concerned. The Linux transport has the same limit.
enum UnsentBytes {
    static let option = ChannelOptions.Types.SocketOption(
        level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT))

    static let limit: ChannelOptions.Types.SocketOption.Value = 256 << 10
}
#endif
