public enum PerMessageDeflate {
    public struct Configuration: Sendable, Hashable { public var level = 1; public var memoryLevel = 8; public var minimumBytes = 1024; public init() {} }
    public struct Agreement: Sendable, Hashable { public var serverNoContextTakeover = false, clientNoContextTakeover = false; public var serverMaxWindowBits = 15, clientMaxWindowBits = 15; public init() {} }
}
