/// Why a checkpoint could not be read or written: one sentence that names the file, the place in it and what was
/// expected there.
public struct CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Reason: String, Sendable, CaseIterable {
    /// The operating system refused: no such file, no permission, no space.
    case system
    /// The bytes are not those of a checkpoint of this project.
    case foreign
    /// Written in a format version that this build does not know.
    case version
    /// The bytes are not those that were written: cut off, or changed.
    case damaged
    /// Something that the format demands is not there, or has another type.
    case schema
    /// Sizes that do not fit each other, or exceed what the format allows.
    case shape
    /// A weight that is not a number, or infinite.
    case nonFinite
  }

  public var reason: Reason
  /// As the caller named it.
  public var file: String
  /// Path of an object inside the file (`/agents/0/q/layer1/weight`, `/@seed`); empty when the whole file is meant.
  public var place: String
  /// What is wrong and what was expected.
  public var explanation: String

  public init(_ reason: Reason, file: String, place: String = "", _ explanation: String) {
    self.reason = reason
    self.file = file
    self.place = place
    self.explanation = explanation
  }

  public var description: String {
    place.isEmpty ? "\(file): \(explanation)" : "\(file): \(place) \(explanation)"
  }
}
