// The release that both programs are part of.

public enum SluiceVersion {
    public static let text = "0.1.0"
}
