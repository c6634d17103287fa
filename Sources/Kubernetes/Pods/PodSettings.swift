import Autoscaling

/// What a pod's annotations say about how it is to be driven.
public struct PodSettings: Sendable, Equatable {
  public enum Mode: String, Sendable, CaseIterable {
    case apply, recommend, off
  }

  /// Bounds of the CPU limit, millicores; nil where the pod says nothing.
  public var minimum: Millicores?
  public var maximum: Millicores?
  /// A weight above 0; nil where the pod says nothing.
  public var priority: Double?
  /// The pool whose budget the pod shares; nil for the default one.
  public var pool: String?
  public var mode: Mode?

  public init(
    minimum: Millicores? = nil, maximum: Millicores? = nil, priority: Double? = nil, pool: String? = nil,
    mode: Mode? = nil
  ) {
    self.minimum = minimum
    self.maximum = maximum
    self.priority = priority
    self.pool = pool
    self.mode = mode
  }

  /// An annotation that says nothing sensible.
  public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    public var annotation: String
    public var value: String
    public var expected: String

    public var description: String { "annotation \(annotation)=\(value.prefix(40)): expected \(expected)" }
  }

  public static let minimumKey = "marlise/min"
  public static let maximumKey = "marlise/max"
  public static let priorityKey = "marlise/priority"
  public static let poolKey = "marlise/pool"
  public static let modeKey = "marlise/mode"

  static func pool(_ annotations: [String: String]) -> String? {
    annotations[poolKey].flatMap { $0.isEmpty ? nil : $0 }
  }

  public init(annotations: [String: String]) throws(Failure) {
    func cpu(_ key: String) throws(Failure) -> Millicores? {
      guard let text = annotations[key] else { return nil }
      guard let quantity = try? Quantity(text), quantity.millicores > 0 else {
        throw Failure(annotation: key, value: text, expected: "CPU such as 100m or 0.5")
      }
      return quantity.cpu
    }
    minimum = try cpu(Self.minimumKey)
    maximum = try cpu(Self.maximumKey)
    if let minimum, let maximum, minimum > maximum {
      throw Failure(
        annotation: Self.minimumKey, value: "\(minimum)m", expected: "no more than \(Self.maximumKey)=\(maximum)m")
    }
    if let text = annotations[Self.priorityKey] {
      guard let weight = Double(text), weight.isFinite, weight > 0 else {
        throw Failure(annotation: Self.priorityKey, value: text, expected: "a weight above 0, such as 2.5")
      }
      priority = weight
    }
    pool = Self.pool(annotations)
    if let text = annotations[Self.modeKey] {
      guard let mode = Mode(rawValue: text) else {
        throw Failure(annotation: Self.modeKey, value: text, expected: "apply, recommend or off")
      }
      self.mode = mode
    }
  }
}

extension Pod {
  /// The pool that the pod names, whatever else its annotations say; nil for none.
  public var poolName: String? { PodSettings.pool(metadata.annotations) }
}
