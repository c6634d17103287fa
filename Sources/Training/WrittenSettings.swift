import Foundation
import Learning

/// What a checkpoint's `configuration` holds, as JSON: the run's settings and its algorithm's.
struct WrittenSettings: Codable {
  var training: TrainingSettings
  let agent: any AgentSettings

  init(_ training: TrainingSettings, _ agent: any AgentSettings) {
    self.training = training
    self.agent = agent
  }

  private enum Key: String, CodingKey { case training, agent }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    training = try container.decode(TrainingSettings.self, forKey: .training)
    agent = try Algorithms.named(training.algorithm).settings(from: container.superDecoder(forKey: .agent))
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(training, forKey: .training)
    try agent.encode(to: container.superEncoder(forKey: .agent))
  }

  /// Equal settings give equal bytes.
  var json: Data {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      return try encoder.encode(self)
    }
  }

  /// The first setting that differs, with its value here and there; nil where none does.
  func difference(to other: WrittenSettings) throws -> (name: String, here: String, there: String)? {
    for part in [Key.training, .agent] {
      let (here, there) = (try values(of: part), try other.values(of: part))
      let name = Set(here.keys).union(there.keys).sorted().first { here[$0] != there[$0] }
      if let name { return (name, here[name] ?? "none", there[name] ?? "none") }
    }
    return nil
  }

  /// Every single value with the names that lead to it.
  private func values(of part: Key) throws -> [String: String] {
    var values: [String: String] = [:]
    try JSONDecoder().decode([String: Value].self, from: json)[part.rawValue]?.collect(into: &values, name: "")
    return values
  }

  private enum Value: Decodable {
    case single(String)
    case list([Value])
    case object([String: Value])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .single("none")
      } else if let object = try? container.decode([String: Value].self) {
        self = .object(object)
      } else if let list = try? container.decode([Value].self) {
        self = .list(list)
      } else if let flag = try? container.decode(Bool.self) {
        self = .single("\(flag)")
      } else if let whole = try? container.decode(Int.self) {
        self = .single("\(whole)")
      } else if let number = try? container.decode(Double.self) {
        self = .single("\(number)")
      } else {
        self = .single(try container.decode(String.self))
      }
    }

    func collect(into values: inout [String: String], name: String) {
      let prefix = name.isEmpty ? "" : name + "."
      switch self {
      case .single(let text): values[name] = text
      case .list(let list):
        for (index, value) in list.enumerated() { value.collect(into: &values, name: "\(prefix)\(index)") }
      case .object(let object): for (key, value) in object { value.collect(into: &values, name: prefix + key) }
      }
    }
  }
}
