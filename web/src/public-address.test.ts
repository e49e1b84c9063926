import { describe, expect, it } from 'vitest';
import { wrongAddress } from './public-address';

describe('the address in the browser', () => {
  it.each([
    ['https://pictures.example', 'https://pictures.example/login?return_to=%2Flibrary'],
    ['https://pictures.example/', 'https://pictures.example:443/login'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/'],
  ])('is right where %s is opened as %s', (publicUrl, href) => {
    expect(wrongAddress(publicUrl, href)).toBeUndefined();
  });

  it.each([
    ['http', 'https://pictures.example', 'http://pictures.example/login'],
    ['another port', 'https://pictures.example', 'https://pictures.example:8443/login'],
    ['another name', 'https://pictures.example', 'http://192.0.2.7:8080/login'],
    ['a setting that was forgotten', 'http://127.0.0.1:8080', 'https://pictures.example/login'],
    ['another local port', 'http://127.0.0.1:8080', 'http://localhost:5173/login'],
  ])('is wrong for %s', (_, publicUrl, href) => {
    expect(wrongAddress(publicUrl, href)).toMatchObject({
      right: `${publicUrl}/login`,
      here: new URL(href).origin,
      bothLocal: false,
    });
  });

  it('tells the two names of one machine apart from strangers', () => {
    const found = wrongAddress('http://127.0.0.1:8080', 'http://localhost:8080/login?return_to=%2Fsyncs#x');
    expect(found).toEqual({
      right: 'http://127.0.0.1:8080/login?return_to=%2Fsyncs#x',
      here: 'http://localhost:8080',
      bothLocal: true,
    });
  });

  it('is not judged by a setting that is no address', () => {
    expect(wrongAddress('pictures.example', 'http://localhost:8080/')).toBeUndefined();
  });
});
