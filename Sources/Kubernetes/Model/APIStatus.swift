/// The API server's `Status`: the body of nearly every failure.
public struct APIStatus: Codable, Sendable, Equatable {
  public struct Cause: Codable, Sendable, Equatable {
    @OrEmpty public var reason = ""
    @OrEmpty public var message = ""
    @OrEmpty public var field = ""
  }

  public struct Details: Codable, Sendable, Equatable {
    @OrEmpty public var name = ""
    @OrEmpty public var kind = ""
    @OrEmpty public var group = ""
    @OrEmpty public var causes: [Cause] = []
    @OrEmpty public var retryAfterSeconds = 0
  }

  public struct Metadata: Codable, Sendable, Equatable {
    /// With 410 on a list: a token to go on with, at the price of consistency.
    @OrEmpty public var `continue` = ""
  }

  public var metadata: Metadata?
  @OrEmpty public var status = ""
  @OrEmpty public var message = ""
  @OrEmpty public var reason = ""
  public var details: Details?
  @OrEmpty public var code = 0
}
