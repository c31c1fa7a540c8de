#if os(Linux)
import Glibc

/// A call of the system that failed.
package struct SystemError: Error, Hashable, CustomStringConvertible {
    /// The call: `bind`, `recv`.
    package let call: String
    /// `errno`.
    package let code: Int32

    init(_ call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    /// Such as `bind: Address already in use (98)`.
    package var description: String { "\(self.call): \(String(cString: strerror(self.code))) (\(self.code))" }
}
#endif
