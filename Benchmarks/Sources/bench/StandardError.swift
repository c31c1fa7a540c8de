import Glibc

enum StandardError {
    /// A line on standard error: what is going on.
    static func line(_ text: String) {
        let bytes = Array("\(text)\n".utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
