/** The text of descriptor.ts as the .proto files say today. */
export declare function descriptorFile(): Promise<string>;
